"""What is kept of a call that is the first of its kind to fail: what was heard, who sent what, and all figures."""

from collections.abc import Sequence
from pathlib import Path

from offhook.ladder.ladder import ladder_of
from offhook.ladder.redact import redacted
from offhook.ladder.text import render
from offhook.qa.caller.sip_message import SipMessage
from offhook.qa.load.one_call import OneCall
from offhook.qa.result import Result
from offhook.testing.audio_files import save
from offhook.testing.private_file import write_json, write_private

OPTION = "--save"
COLUMNS = 140


def notes_of(folder: Path, kind: str) -> tuple[str, ...]:
    """Lines for people: where `keep` writes."""
    return (f"kept: {folder / kind}-heard.wav, {folder / kind}-ladder.txt, {folder / kind}.json",)


def keep(folder: Path, kind: str, one: OneCall, result: Result, wall_s: float) -> None:
    """Write it, for the owner alone. `wall_s` is Unix time less the monotonic clock. Raises UserError."""
    save(folder / f"{kind}-heard.wav", bytes(one.call.received.pcm))
    messages = [] if one.leg is None else one.leg.messages
    ladder = "\n".join(_ladder(messages, one.script.call.transport, wall_s))
    write_private(folder / f"{kind}-ladder.txt", f"{ladder}\n".encode(), OPTION)
    write_json(folder / f"{kind}.json", result.to_dict(), OPTION)


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
