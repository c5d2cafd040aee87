"""A worker, or the whole bot, is killed: the events of its calls arrive all the same."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from offhook.testing.webhook_receiver import Answer, WebhookReceiver
from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Phone, RtpPeer
from tests.faults.conftest import bye_answer
from tests.faults.test_ends import invited
from tests.faults.test_process import hang_up
from tests.faults.test_workers import worker_pids
from tests.offhook.outbox.parts import SECRET

StartBot = Callable[..., BotProcess]
IN_ORDER = ["call.started", "call.answered", "call.ended"]


def hooked(url: str, **more: str) -> dict[str, str]:
    given = {"URL": url, "SECRET": SECRET, "ALLOW_PRIVATE": "true"}
    return {f"OFFHOOK_WEBHOOKS__CRM__{key}": value for key, value in given.items()} | more


async def test_a_killed_worker_ends_its_calls_for_others_too(start_bot: StartBot) -> None:
    async with WebhookReceiver(secret=SECRET) as receiver:
        bot = await asyncio.to_thread(lambda: start_bot(**hooked(receiver.url)))

        def talk() -> None:
            with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
                invited(phone, media)
                os.kill(worker_pids(bot)[0], signal.SIGKILL)
                phone.send(bye_answer(phone.receive()))

        await asyncio.to_thread(talk)
        found = await receiver.received(3)
    assert [each.type for each in found] == IN_ORDER
    assert found[2].event["data"]["ended_by"] == "crash"


async def test_a_killed_bot_is_followed_by_one_that_delivers_what_it_had(start_bot: StartBot, tmp_path: Path) -> None:
    async with WebhookReceiver(secret=SECRET) as receiver:
        receiver.otherwise = lambda event: Answer(503)
        settings = hooked(receiver.url, OFFHOOK_RECORDS__DIR=str(tmp_path / "data"))
        bot = await asyncio.to_thread(lambda: start_bot(**settings))

        def talk() -> None:
            with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
                hang_up(phone, media, invited(phone, media))
            with Phone((bot.host, bot.port)) as phone, RtpPeer() as media:
                invited(phone, media)
                bot.process.kill()
                bot.process.wait(10)

        await asyncio.to_thread(talk)
        assert not receiver.accepted
        receiver.otherwise = lambda event: Answer()
        await asyncio.to_thread(lambda: start_bot(**settings))
        found = await receiver.received(6)
    ends = []
    for uniqueid in dict.fromkeys(each.call for each in found):
        assert [each.type for each in found if each.call == uniqueid] == IN_ORDER
        ends.append(next(each.event["data"]["ended_by"] for each in found[::-1] if each.call == uniqueid))
    assert sorted(ends) == ["caller", "crash"]
