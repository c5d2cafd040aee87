"""What the bot of test_scenarios.py does, by the number that is called. Its file is copied into the bot's folder."""

import asyncio
import json
from contextlib import suppress
from pathlib import Path

from offhook import Bot, Call, TransferError
from offhook.api.dialogs import bench_dialog

__all__ = ["bench_dialog", "early", "ends", "ends_later", "keys", "presses", "refers", "tells"]


def note(name: str, text: str) -> None:
    """For the test to read: a file in the bot's folder."""
    Path(name).write_text(text)


async def ends(call: Call) -> None:
    await asyncio.sleep(0.3)
    await call.hangup()


early = Bot()


@early.answer(early_media=True)
async def speaks_early(call: Call) -> None:
    """Speaks for a second before it answers."""
    call.start_saying("One moment, please. We connect you.")
    await asyncio.sleep(1)
    await call.answer()
    await asyncio.sleep(0.3)


async def ends_later(call: Call) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(bench_dialog(call), 3)
    await call.hangup()


async def tells(call: Call) -> None:
    """Writes down what it was told of the caller."""
    told = call.identities
    data = {
        "asserted": [party.number for party in told.asserted],
        "diverted": [(each.party.number, each.reason) for each in told.diversions],
        "history": [each.party.number for each in told.history],
        "user_to_user": [each.content.decode() for each in call.user_to_user],
        "account": call.headers.get("x-account"),
        "trunk": call.trunk,
    }
    note("told.json", json.dumps(data))
    await call.hangup()


async def refers(call: Call) -> None:
    try:
        await call.transfer("desk")
    except TransferError as error:
        note("failed.txt", error.reason)
    await call.hangup()


async def keys(call: Call) -> None:
    """Writes down the keys that come."""
    pressed = ""
    while True:
        answer = await call.ask("Please press a key.", digits=1, no_input_ms=60_000)
        pressed += answer.digits or ""
        note(f"keys-{call.id}", pressed)


async def presses(call: Call) -> None:
    await asyncio.sleep(0.3)
    call.send_dtmf("12")
    await asyncio.sleep(60)
