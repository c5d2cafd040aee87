"""What is kept of a call that is the first of its kind to fail: what was heard, who sent what, and all figures."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from offhook.ladder.ladder import ladder_of
from offhook.ladder.redact import redacted
from offhook.ladder.text import render
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.load.one_call import OneCall
from offhook.qa.result import Result
from offhook.testing.audio_files import save
from offhook.usererror import UserError

COLUMNS = 140


def notes_of(folder: Path, kind: str) -> tuple[str, ...]:
    """Lines for people: where `keep` writes."""
    return (f"kept: {folder / kind}-heard.wav, {folder / kind}-ladder.txt, {folder / kind}.json",)


def keep(folder: Path, kind: str, one: OneCall, result: Result, wall_s: float) -> None:
    """Write it, for the owner alone. `wall_s` is Unix time less the monotonic clock. Raises UserError."""
    save(folder / f"{kind}-heard.wav", bytes(one.call.received.pcm))
    messages = [] if one.leg is None else one.leg.messages
    _write(folder / f"{kind}-ladder.txt", "\n".join(_ladder(messages, one.script.call.transport, wall_s)))
    _write(folder / f"{kind}.json", json.dumps(result.to_dict(), indent=2, ensure_ascii=False))


def made(folder: Path) -> None:
    """The folder, which is there from now on. Raises UserError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"{folder} cannot be made", why, "--save failures", "--save") from error


def _ladder(messages: Sequence[SipMessage], transport: str, wall_s: float) -> list[str]:
    """The lines of a ladder between the caller and the far end; its secrets are masked."""
    plain = [
        {
            "at_s": wall_s + each.at_s,
            "received": each.received,
            "transport": transport.upper(),
            "peer": "far end",
            "again": 0,
            "last_s": wall_s + each.at_s,
            "text": redacted(each.text.encode()).decode("utf-8", "replace"),
        }
        for each in messages
    ]
    return render(ladder_of([{"call_id": "", "messages": plain}], us="caller").to_dict(), width=COLUMNS, messages=True)


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"{path} cannot be written", why, "another folder", "--save") from error
