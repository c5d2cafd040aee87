"""What is known of an IVR: frozen values. A node is a prompt by its sound; an edge what a caller did after it, and what
came of that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple


class Action(NamedTuple):
    """What a caller does after a prompt: press a key, say something, or nothing at all ("listen")."""

    kind: Literal["listen", "press", "say"]
    what: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.what}".strip()


LISTEN = Action("listen")


class Ending(StrEnum):
    """How a call went on without another prompt. `SILENT`: nothing was said for as long as the crawler waits.
    `ENDLESS`: a sound that does not stop, such as music. `CUT`: the call took too long, `LOST`: the network ended it,
    `REFUSED`: it was not answered."""

    HUNG_UP = "hung_up"
    TRANSFERRED = "transferred"
    SILENT = "silent"
    ENDLESS = "endless"
    CUT = "cut"
    LOST = "lost"
    REFUSED = "refused"


class Tried(NamedTuple):
    """An action at a node: for the `times`-th time in a row, where the same prompt came again each time before."""

    node: int
    action: Action
    times: int = 1


class Reached(NamedTuple):
    """What came of it: another prompt, or an ending, with whom the caller was transferred to or why it was refused."""

    node: int | None
    ending: Ending | None = None
    about: str = ""


@dataclass(slots=True)
class Node:
    """A prompt. `ending`: the call ends after it, whatever the caller does. `variants` is how often another sound stood
    in its place: a part of it varies, such as the time. `text` is what a recogniser made of it, `suggested` what that
    offers."""

    number: int
    ending: Reached | None = None
    variants: int = 0
    text: str = ""
    suggested: tuple[Action, ...] = ()

    @property
    def name(self) -> str:
        """As maps, files and scripts have it."""
        return f"n{self.number}"


@dataclass(frozen=True, slots=True)
class CrawlLimits:
    """How far a crawl goes: actions in a row, prompts, calls, seconds in all and of a call, calls a minute; how often
    an action is repeated that leads back to its own prompt, and how long a prompt is waited for."""

    depth: int = 6
    nodes: int = 200
    calls: int = 60
    seconds: float = 1_800.0
    call_s: float = 120.0
    calls_per_minute: float = 10.0
    repeats: int = 3
    wait_s: float = 15.0


@dataclass(frozen=True, slots=True)
class CrawlMap:
    """The result of a crawl. `paths` are what to do from the answer on to hear a node's prompt. `notes` are for people:
    limits that were reached, what varies, and what could not be reached again."""

    target: str
    nodes: Mapping[int, Node] = field(default_factory=dict)
    edges: Mapping[Tried, Reached] = field(default_factory=dict)
    paths: Mapping[int, tuple[Tried, ...]] = field(default_factory=dict)
    calls: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
