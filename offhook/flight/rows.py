"""The format of an event log: a header, then one row a line, all JSON.

| row | |
|---|---|
| `["i", name, [argument, …]]` | an input of the turn core; every one has its time `now` |
| `["o", value]` | what `next_output` returned: a Command or a turn event |
| `["d", now, kind, ask_again_ms, force]` | an endpointing policy's verdict |
| `["j", what, result]` | what was made of the caller's words over the bot |
| `["k", what, result]` | what the keypad made of keys, which are not in the log |
| `["t", number, line]` | what the caller typed as their line `number`: keys that turned out to be a choice |
| `["r", value]` | what a question's kind of value read in words |
| `["v", at_tick, zero_at, frame_samples, frames]` | frames for the speech gate, base64: four bytes each, see FRAME |
| `["e", event]` | an event of the session: what was said, models, tools, engines, latencies |
| `["truncated"]` | the log ends before its call |

Times are the process's monotonic seconds; the header has `began`, the call's start, in them.
"""

import base64
import json
from collections.abc import Mapping
from struct import Struct
from typing import Any

from offhook.flight.values import TYPE, to_json
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.events import EndpointPolicy
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.gate import GateSettings
from offhook.version import __version__

FORMAT, VERSION = "offhook-events", 2

MAX_FILE_BYTES = 16 * 2**20
"""Per call: some three hours of brisk talk."""

MAX_EVENT_BYTES = 65_536

FRAME = Struct("<4B")
"""A frame: 256 times the probability of speech, and its audible part in blocks of loudness.BLOCK_SAMPLES: how many
there are, where the first begins and where the last ends."""

Row = tuple[Any, ...]


def header_of(
    call: str,
    *,
    began: float,
    turn: TurnSettings,
    gate: GateSettings,
    policy: EndpointPolicy,
    started: str = "",
    recording: str | None = None,
) -> dict[str, Any]:
    """The header of a call's log; `started` is wall time, `recording` the name of its file."""
    known = policy if isinstance(policy, SilencePolicy | AnswerPolicy) else None  # of any other the verdicts are used
    return {
        "format": FORMAT,
        "version": VERSION,
        "offhook": __version__,
        "call": call,
        "started": started,
        "began": began,
        "recording": recording,
        "turn": to_json(turn),
        "gate": to_json(gate),
        "policy": to_json(known),
    }


def line_of(row: Row | Mapping[str, Any]) -> bytes:
    """A header or row as a line. An event that is too long, or not JSON, keeps its name only."""
    if not isinstance(row, tuple):
        return _line(row)
    if row[0] == "v":
        return _line([*row[:-1], base64.b64encode(row[-1]).decode()])
    if row[0] != "e":
        return _line(to_json(row))
    try:
        line = _line(to_json(row))
    except (TypeError, ValueError, RecursionError):
        # A tool may return anything.
        line = b""
    if 0 < len(line) <= MAX_EVENT_BYTES:
        return line
    return _line(["e", {TYPE: type(row[1]).__name__, "at": row[1].at, "omitted_bytes": len(line)}])


def _line(plain: Any) -> bytes:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
