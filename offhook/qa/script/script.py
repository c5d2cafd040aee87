"""A call script: one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offhook.qa.script.expect import Expectations
from offhook.qa.script.persona import Persona
from offhook.qa.script.steps import Speech, Step, WaitFor, speeches
from offhook.testing.impair import Impairment


def is_stream(target: str) -> bool:
    """Whether a target is called over a WebSocket, and not over SIP."""
    return target.startswith(("ws://", "wss://"))


TRANSPORTS = ("udp", "tcp", "tls")
DTMF = ("rfc4733", "info", "inband")
"""How the caller presses keys: by RTP events, by SIP INFO, by tones in the audio."""


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How the call is placed; `target` is a sip: URI or a ws: URL, if the command line
    names none."""

    target: str = ""
    transport: str = "udp"
    codec: str = "PCMU"
    srtp: bool = False
    dtmf: str = "rfc4733"
    caller: str = "qa"
    headers: tuple[tuple[str, str], ...] = ()
    voice: str = ""
    language: str = ""
    ring_s: float = 15.0
    max_s: float = 120.0
    pause_ms: int = 700
    """How long the far end is silent when it has finished speaking."""

    @property
    def only_over_sip(self) -> tuple[str, ...]:
        """The settings that a stream does not have, of those that are given."""
        given = {"transport": self.transport != "udp", "srtp": self.srtp, "dtmf": self.dtmf == "info"}
        return tuple(name for name, is_given in given.items() if is_given)


@dataclass(frozen=True, slots=True)
class LineProfile:
    """The line between the two: faults of the packets each way, and the caller's own sound.

    `echo_db` is how much quieter the far end comes back, `echo_ms` later; `noise_dbfs` the noise behind the caller.
    """

    up: Impairment = field(default_factory=Impairment)
    down: Impairment = field(default_factory=Impairment)
    level_db: float = 0.0
    echo_db: float | None = None
    echo_ms: int = 80
    noise_dbfs: float | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What an HTTP double answers to requests with this method (empty: any) and path (without its query)."""

    path: str = "/"
    method: str = ""
    status: int = 200
    body: str = ""

    def fits(self, method: str, path: str) -> bool:
        """Whether it answers that request."""
        return self.method in ("", method) and self.path == path.partition("?")[0]


@dataclass(frozen=True, slots=True)
class HttpDouble:
    """A server on loopback that stands for what the bot asks during the call; 404 for what is not among `answers`."""

    port: int
    answers: tuple[HttpAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class Script:
    """A call: what the caller does, or who calls, and what is expected. `where` is the file; `lines` those of the steps
    in it. `question` is what an adviser is asked about a persona's call; empty: nothing."""

    name: str
    steps: tuple[Step, ...]
    expect: Expectations = field(default_factory=Expectations)
    call: CallSettings = field(default_factory=CallSettings)
    line: LineProfile = field(default_factory=LineProfile)
    prompts: Mapping[str, Speech] = field(default_factory=dict)
    """By their names: a recording, or a text for the bot's voice."""
    http: HttpDouble | None = None
    seed: int = 1
    where: str = ""
    lines: tuple[int, ...] = ()
    persona: Persona | None = None
    question: str = ""

    @property
    def needs_words(self) -> bool:
        """Whether a recogniser is needed."""
        return (
            bool(self.expect.heard)
            or self.persona is not None
            or any(isinstance(step, WaitFor) and step.awaited == "words" for step in self.steps)
        )

    @property
    def speeches(self) -> tuple[Speech, ...]:
        """What the caller says, each once."""
        return tuple(dict.fromkeys(each for step in self.steps for each in speeches(step)))
