"""What is kept of a call that is the first of its kind to fail: what was heard, who sent what, and all figures."""

from collections.abc import Sequence
from pathlib import Path

from offhook.ladder.ladder import ladder_of
from offhook.ladder.text import render
from offhook.private_file import write_json, write_private
from offhook.qa.caller.sip_message import SipMessage, kept_messages
from offhook.qa.one_call import OneCall
from offhook.qa.result import Result
from offhook.testing.audio_files import save

OPTION = "--save"
COLUMNS = 140


def notes_of(folder: Path, kind: str) -> tuple[str, ...]:
    """Lines for people: where `keep` writes."""
    return (f"kept: {folder / kind}-heard.wav, {folder / kind}-ladder.txt, {folder / kind}.json",)


def keep(folder: Path, kind: str, one: OneCall, result: Result, wall_s: float) -> None:
    """Write it, for the owner alone. `wall_s` is Unix time less the monotonic clock. Raises UserError."""
    save(folder / f"{kind}-heard.wav", bytes(one.call.received.pcm))
    messages = [] if one.leg is None else one.leg.messages
    ladder = "\n".join(_ladder(messages, wall_s))
    write_private(folder / f"{kind}-ladder.txt", f"{ladder}\n".encode(), OPTION)
    write_json(folder / f"{kind}.json", result.to_dict(), OPTION)


def _ladder(messages: Sequence[SipMessage], wall_s: float) -> list[str]:
    """The lines of a ladder between the caller and the far end; its secrets are masked."""
    kept = kept_messages(messages, "", wall_s)
    return render(ladder_of([kept.to_dict()], us="caller").to_dict(), width=COLUMNS, messages=True)
