"""Reads event logs."""

import base64
import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from offhook.encryption.reader import open_kept
from offhook.flight.rows import FORMAT, FRAME, MAX_FILE_BYTES, VERSION
from offhook.flight.values import from_json
from offhook.pipeline.endpoint.answer import AnswerPolicy
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.vad.gate import GateSettings
from offhook.pipeline.vad.loudness import BLOCK_SAMPLES
from offhook.usererror import UserError

T = TypeVar("T")
Policy = SilencePolicy | AnswerPolicy

_KINDS: dict[str, tuple[Any, ...]] = {
    "i": (str, list),
    "o": (dict,),
    "d": (int | float, str, int | float, bool),
    "j": (str, object),
    "k": (str, object),
    "t": (int, str),
    "r": (object,),
    "v": (int, int | float, int, str),
    "e": (dict,),
    "truncated": (),
}
"""What the kinds of rows have, after the kind: see `rows`."""

_NONSENSE = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of rows that no call has written."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as the gate got it; see SpeechGate.push. It arrived at `at`."""

    at: float
    probability: float
    at_tick: int
    samples: int
    audible: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FlightLog:
    """One call's event log. `rows` are as in the file; `policy` is None if only its verdicts are known."""

    call: str
    began: float
    started: str
    recording: str | None
    turn: TurnSettings
    gate: GateSettings
    policy: Policy | None
    rows: tuple[list[Any], ...]

    @property
    def truncated(self) -> bool:
        """Whether its end is missing."""
        return ["i", "close"] not in (row[:2] for row in self.rows) or self.rows[-1][0] == "truncated"

    def rows_of(self, kind: str) -> list[list[Any]]:
        """The rows of one kind."""
        return [row for row in self.rows if row[0] == kind]

    def frames(self) -> list[Frame]:
        """The detector's frames, in their order. UserError for damaged ones."""
        found = []
        for _, first_tick, zero_at, samples, packed in self.rows_of("v"):
            at_tick = first_tick
            try:
                frames = list(FRAME.iter_unpack(base64.b64decode(packed)))
            except (ValueError, struct.error) as error:
                raise _unreadable(self.call, f"its frames at {first_tick} are damaged ({error})") from error
            for probability, audible, start, end in frames:
                blocks = (each * BLOCK_SAMPLES for each in (audible, start, end))
                at = zero_at + (at_tick + samples) / TICK_HZ
                found.append(Frame(at, probability / 256, at_tick, samples, *blocks))
                at_tick += samples
        return found


def read_log(path: Path, key_file: Path | None = None) -> FlightLog:
    """Read a log; `key_file` has the keys of one that is encrypted. UserError for anything else; a last line that was
    cut off is ignored, as after a crash."""
    try:
        with open_kept(path, key_file) as kept:
            lines = kept.file.read(MAX_FILE_BYTES + 2**20).splitlines()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    try:
        header = json.loads(lines[0]) if lines else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise _unreadable(path, "it is not an event log")
    if header.get("version") != VERSION:
        raise _unreadable(path, f"its version is {header.get('version')!r}, and this offhook reads {VERSION}")
    try:
        log = FlightLog(
            header["call"],
            header["began"],
            header["started"],
            header["recording"],
            _typed(from_json(header["turn"]), TurnSettings),
            _typed(from_json(header["gate"]), GateSettings),
            None if header["policy"] is None else _policy(from_json(header["policy"])),
            _rows(path, lines[1:]),
        )
        log.frames()
        return log
    except (struct.error, *_NONSENSE) as error:
        raise _unreadable(path, f"its header or a row is damaged ({error})") from error


def _rows(path: Path, lines: list[bytes]) -> tuple[list[Any], ...]:
    rows = []
    for number, line in enumerate(lines, 2):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) + 1:
                break
            raise _unreadable(path, f"line {number} is damaged ({error})") from error
        if not _is_row(row):
            raise _unreadable(path, f"line {number} is no row")
        rows.append(row)
    return tuple(rows)


def _is_row(row: Any) -> bool:
    if not isinstance(row, list) or not row or not isinstance(row[0], str):
        return False
    kinds = _KINDS.get(row[0])
    return kinds is not None and len(row) == len(kinds) + 1 and all(map(isinstance, row[1:], kinds))


def _policy(value: Any) -> Policy:
    if not isinstance(value, SilencePolicy | AnswerPolicy):
        raise TypeError("the policy is missing")
    return value


@contextmanager
def reading_rows(log: FlightLog) -> Iterator[None]:
    """While a log's rows are used: UserError for what nonsense in them raises."""
    try:
        yield
    except _NONSENSE as error:
        what, why = f"the event log of {log.call!s:.60} cannot be used", f"a row is damaged ({type(error).__name__})"
        raise UserError(what, f"{why}: {error!s:.200}", "the log of another call") from error


def _typed(value: Any, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise TypeError(f"{kind.__name__} is missing")
    return value


def _unreadable(path: Path | str, why: str) -> UserError:
    return UserError(f"the event log {path} cannot be read", why, "offhook replay FILE, a file of the folder events/")
