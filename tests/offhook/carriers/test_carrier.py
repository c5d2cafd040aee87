"""A carrier from another package, beside SIP and media streams."""

import asyncio
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import cast

import pytest

from offhook.api.dialogs import bench_dialog
from offhook.carriers import carrier as seam
from offhook.carriers.carrier import Carrier, CarrierContext
from offhook.observe.refusals import Reason, Refusal
from offhook.process.local_bot import LocalBot
from offhook.records import EndedBy
from offhook.settings.config import Config
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES

made: list["Pigeons"] = []


class PigeonCall:
    """A minimal call."""

    def __init__(self, context: CarrierContext, handle: str) -> None:
        self.handle = handle
        self._context = context
        self.ended_by: EndedBy | None = None

    def hang_up(self, by: EndedBy, reason: str) -> None:
        self.ended_by = by
        self._context.calls.over(self)

    def dump(self) -> dict[str, object]:
        return {"id": self.handle}


class Pigeons:
    name = "pigeons"

    def __init__(self, context: CarrierContext) -> None:
        self._context = context
        self.reported: list[str] = []
        self.calls: list[PigeonCall] = []

    async def start(self) -> None:
        self.reported.append("start")

    async def stop(self) -> None:
        self.reported.append("stop")

    def refusal(self) -> Refusal | None:
        return None

    def dump(self) -> dict[str, object]:
        return {"calls": len(self.calls)}

    async def land(self, handle: str) -> Refusal | None:
        refusal = await self._context.admit(handle)
        if refusal is None:
            self.calls.append(PigeonCall(self._context, handle))
            self._context.calls.add(self.calls[-1])
        return refusal


def pigeons(context: CarrierContext) -> Carrier:
    made.append(Pigeons(context))
    return made[-1]


def nothing(_: CarrierContext) -> Carrier | None:
    return None


def broken(_: CarrierContext) -> Carrier | None:
    raise UserError("pigeons cannot fly", "it rains", "wait")


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    points = [EntryPoint(name, f"{__name__}:{name}", seam.GROUP) for name in names]
    monkeypatch.setattr(seam, "entry_points", lambda group: points if group == seam.GROUP else [])


def bot_in(directory: Path, **calls: object) -> LocalBot:
    sections: dict[str, dict[str, object]] = {
        "sip": {"host": "127.0.0.1", "port": 0},
        "http": {"enabled": False},
        **LIGHT_ENGINES,
        "records": {"dir": directory},
        "calls": calls,
    }
    return LocalBot(Config.load(None, sections), bench_dialog)


async def test_its_calls_count_and_are_hung_up_like_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "pigeons", "nothing")
    bot = bot_in(tmp_path, max_calls=2)
    await bot.start()
    carrier = made[-1]
    try:
        assert carrier.reported == ["start"]
        carriers = cast("dict[str, object]", bot.host.dump()["carriers"])
        assert set(carriers) == {"sip", "streams", "pigeons"}
        assert await carrier.land("one") is None
        assert await carrier.land("two") is None
        refusal = await carrier.land("three")
        assert refusal is not None and refusal.reason is Reason.MAX_CALLS
        assert bot.status.ready().details["calls"] == 2
        assert bot.host.dump()["carriers"] == {**carriers, "pigeons": {"full": "", "calls": 2}}
        carrier.calls[0].hang_up(EndedBy.CALLER, "it flew away")
        for _ in range(100):
            await asyncio.sleep(0)
        assert bot.status.ready().details["calls"] == 1
    finally:
        await bot.stop()
    assert [call.ended_by for call in carrier.calls] == [EndedBy.CALLER, EndedBy.OPERATOR]
    assert carrier.reported == ["start", "stop"]


async def test_one_that_cannot_start_says_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "broken")
    bot = bot_in(tmp_path)
    with pytest.raises(UserError, match="it rains"):
        await bot.start()
    await bot.stop()
