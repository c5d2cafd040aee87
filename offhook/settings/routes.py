"""`[[routes]]`: which dialog answers which number. Pure.

The first route that matches the dialled number answers; if none does, the default dialog.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from offhook.settings.section import Section
from offhook.settings.twiml import TwimlUrl
from offhook.settings.values import LanguageTag, matching
from offhook.sip.errors import ParseError
from offhook.sip.message.uri import Uri

MAX_NUMBER_CHARS = 64
MIN_BARE_DIGITS, MAX_BARE_DIGITS = 10, 15
"""Lengths of an E.164 number that a trunk sends without its plus sign."""

_SCHEME = re.compile(r"(?i)(?:sips?|tel):")
# RFC 3966 §5.1.1: visual separators, without meaning.
_SEPARATED = re.compile(r"\+?[0-9*#().\-]+")
_SEPARATORS = str.maketrans("", "", "().-")


def dialled_number(address: str) -> str:
    """The number (or name) in a SIP or tel URI, or from a media stream, without host, parameters and separators.

    `sip:+1-555-123-4567;npdi@example.com` is `+15551234567`, `sip:sales@example.com` is `sales`.
    """
    text = address.strip()
    if _SCHEME.match(text):
        with suppress(ParseError):
            uri = Uri.parse(text)
            # The user part of a SIP URI has its own parameters if it is a phone number (RFC 3261 §19.1.6).
            text = unquote((uri.opaque or uri.user or "").partition(";")[0], errors="replace")
    if _SEPARATED.fullmatch(text):
        text = text.translate(_SEPARATORS)
    return text[:MAX_NUMBER_CHARS]


def matches(pattern: str, number: str) -> bool:
    """Whether a pattern matches a number from `dialled_number`.

    A `*` at the end stands for anything, a `?` for one character. The dialled number may lack the plus sign of an E.164
    pattern: some trunks omit it.
    """
    prefix = pattern.endswith("*")
    wanted = pattern[:-1] if prefix else pattern
    if not prefix and wanted.startswith("+") and _bare(number):
        number = f"+{number}"
    if len(number) < len(wanted) or (not prefix and len(number) != len(wanted)):
        return False
    return all(one in ("?", other) for one, other in zip(wanted, number, strict=False))


def _bare(number: str) -> bool:
    return number.isascii() and number.isdigit() and MIN_BARE_DIGITS <= len(number) <= MAX_BARE_DIGITS


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


NumberPattern = Annotated[
    str,
    AfterValidator(matching(r"[^\s@;:<>]{1,64}", "a number, or a name as before the @, without blanks and : ; @ < >")),
]
Target = Annotated[
    str, AfterValidator(matching(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", "it must be MODULE:NAME, as in `shop:sales`"))
]
AgentName = Annotated[str, AfterValidator(matching(r"[\w.-]{1,100}", "a name has letters, digits and . _ - only"))]


class RouteConfig(Section):
    """One or more numbers, and what answers them: exactly one of `flow`, `bot`, `agent`, `agent_file` and `twiml`."""

    number: Annotated[
        tuple[NumberPattern, ...],
        BeforeValidator(_listed),
        Field(max_length=1_000, examples=["+15551234567"]),
    ] = ()
    """The dialled number, or a list: `+15551234567`, `100`, `sales`; `+1555*` for a prefix, `1??` for three digits. It
    is compared with the user part of the Request-URI, without separators."""

    trunk: Annotated[str | None, Field(examples=["main"])] = None
    """The trunk (`[trunks.NAME]`) by which a call must have come. Without `number`, all of its calls."""

    flow: Annotated[Path | None, Field(examples=["sales.yaml"])] = None
    """A flow file."""

    bot: Annotated[Target | None, Field(examples=["shop:sales"])] = None
    """A coroutine function of one `Call`, or a `Bot`: MODULE:NAME."""

    agent: Annotated[AgentName | None, Field(examples=["receptionist"])] = None
    """An agent of an installed package, by name (entry point group `offhook.agents`)."""

    agent_file: Annotated[Path | None, Field(examples=["agent.yaml"])] = None
    """An agent's file (docs/agents.md): a language model answers."""

    twiml: Annotated[TwimlUrl | None, Field(examples=["https://ivr.example.com/voice"])] = None
    """The address of a TwiML application's first document; `[twiml]` has the rest (docs/twiml.md)."""

    language: Annotated[LanguageTag | None, Field(examples=["de"])] = None
    """The language of these calls, a BCP 47 tag; without it `dialog.language`."""

    outbound: bool = False
    """Calls that are placed by HTTP may have this dialog, which they name (docs/trunks.md). Then it needs no number."""

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        if not self.number and self.trunk is None and not self.outbound:
            raise PydanticCustomError("no_number", "`number` is required", {"key": "number"})
        given = [key for key in ("flow", "bot", "agent", "agent_file", "twiml") if getattr(self, key) is not None]
        if len(given) != 1:
            why = (
                "it needs one of `flow`, `bot`, `agent`, `agent_file` and `twiml`"
                if not given
                else f"it has {' and '.join(given)}"
            )
            what = "a route has one answer"
            raise PydanticCustomError("one_answer", "{why}", {"why": why, "what": what, "key": "flow"})
        return self

    @property
    def patterns(self) -> tuple[str, ...]:
        """The numbers; those of a trunk without any are all, those of a route for calls out alone none."""
        return self.number or (("*",) if self.trunk is not None else ())

    def is_called(self, kind: str, name: str) -> bool:
        """Whether calls out may have this dialog and mean it: by the file of a flow, the target of a bot, the name or
        the file of an agent."""
        if not self.outbound:
            return False
        if kind == "agent":
            return name == self.agent or (self.agent_file is not None and _names(self.agent_file, name))
        if kind == "flow":
            return self.flow is not None and _names(self.flow, name)
        return kind == "bot" and name == self.bot


def _names(path: Path, name: str) -> bool:
    return name in (str(path), path.name, path.stem)


def covered(routes: Sequence[RouteConfig]) -> list[tuple[int, str, int]]:
    """(index, pattern, earlier index) of unreachable patterns: an earlier route matches all their numbers."""
    found = []
    for index, route in enumerate(routes):
        for pattern in route.patterns:
            for earlier, other in enumerate(routes[:index]):
                if other.trunk in (None, route.trunk) and any(_takes_all(each, pattern) for each in other.patterns):
                    found.append((index, pattern, earlier))
                    break
    return found


def _takes_all(earlier: str, later: str) -> bool:
    if earlier == later:
        return True
    return earlier.endswith("*") and matches(earlier, later.rstrip("*"))
