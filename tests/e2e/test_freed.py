"""All of an ended call is freed at once, whatever it did: with the collector off, no object of it is left."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from offhook.sip.net.address import Address
from offhook.testing.carrier import Carrier
from offhook.testing.sip_caller import Caller
from tests.e2e import freed_dialogs
from tests.e2e.backends import AT_ONCE, OWN
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.phone import Phone, sdp
from tests.e2e.test_flow_sound import LIGHT
from tests.e2e.twiml_phones import Agents
from tests.ports import own_port

WITHIN_S = 20.0
TIMES = 3
"""How often each kind is placed, after the first: what is left less often is made once for all calls, but late."""

LOOKS = 6

HANGS_UP = ("agent", "asks", "twiml")
"""Dialogs whose caller hangs up in what is said; the others end the call."""

OTHERS = ("declined", "fails", "records", "rings", "transfers", "waits")

SETTINGS = """
[transfer.targets]
desk = "sip:desk@{host}:{phones}"
busy = "sip:busy486@{host}:{phones}"
away = "sip:away480@{host}:{phones}"
[queues.support]
agents = ["desk"]
logged_in = true
wrap_up_s = 0
"""

ROUTE = '[[routes]]\nnumber = "{0}"\nbot = "freed_dialogs:{0}"\n'
REMEMBERED = {
    "offhook.carriers.pjsua2.requests.Servers",  # of a call that is over, for a while: it may have to repeat its BYE
    "offhook.telephony.net.ports._Resting",  # likewise, the ports
    "offhook.pipeline.tts.clip.Clip",  # what was said, for the next call
    "offhook.pipeline.tts.engine.Word",
    "offhook.sip.message.uri.Uri",  # likewise, what was read
}

NAMES = (*HANGS_UP, *OTHERS, "counts")

EVENTS = {"fails": "the dialog failed", "transfers": "bridged", "waits": "a caller comes"}
"""What the log must have."""

Kind = Callable[[BotProcess], Awaitable[None]]


async def dial(bot: BotProcess, called: str) -> Caller:
    return await asyncio.wait_for(Caller.dial(HOST, Address(bot.host, bot.port), called=called), WITHIN_S)


def sip_call(called: str) -> Kind:
    async def place(bot: BotProcess) -> None:
        caller = await dial(bot, called)
        try:
            if called in HANGS_UP:
                await asyncio.wait_for(caller.listen_for(0.2), WITHIN_S)
                caller.hang_up()
            async with asyncio.timeout(WITHIN_S):
                while called == "records" and not caller.over.is_set():  # a key before the end of the beep is none
                    caller.press("#")
                    await asyncio.sleep(0.3)
                await caller.over.wait()
        finally:
            caller.close()

    return place


async def stream(bot: BotProcess) -> None:
    call = await Carrier.dial(f"ws://{bot.http}/twilio/media", parameters={"from": "+1555", "to": "asks"})
    await asyncio.wait_for(call.listen_for(0.2), WITHIN_S)
    await call.hang_up()


async def refused_offer(bot: BotProcess) -> None:
    def invite() -> int:
        with Phone((bot.host, bot.port)) as phone:
            phone.send(phone.request("INVITE", body=sdp(20_000, "98 unknown/8000")))
            return phone.final().status

    assert await asyncio.to_thread(invite) == 488


KINDS: dict[str, Kind] = {called: sip_call(called) for called in (*HANGS_UP, *OTHERS)}
KINDS_OF = {
    OWN: KINDS | {"stream": stream, "refused": refused_offer},
    "pjsua2": {called: KINDS[called] for called in ("asks", "declined", "fails")},
}


async def counted(bot: BotProcess) -> Counter[str]:
    """What there is in the worker, by type."""
    caller = await dial(bot, "counts")
    await asyncio.wait_for(caller.over.wait(), WITHIN_S)
    caller.close()
    found = json.loads((bot.directory / freed_dialogs.COUNTS.name).read_text())
    return Counter({name: count for name, count in found.items() if name not in REMEMBERED})


async def place_all(bot: BotProcess, kinds: Mapping[str, Kind], at_once: int) -> None:
    """One call of each kind."""
    gate = asyncio.Semaphore(at_once)

    async def place(kind: Kind) -> None:
        async with gate:
            await kind(bot)

    await asyncio.gather(*(place(each) for each in kinds.values()))


async def test_nothing_of_a_call_is_left(
    start_bot: Callable[..., BotProcess], sip_backend: str, tmp_path: Path
) -> None:
    kinds, at_once, port = KINDS_OF[sip_backend], AT_ONCE[sip_backend], own_port()
    shutil.copy(freed_dialogs.__file__, tmp_path / "freed_dialogs.py")
    config = tmp_path / "offhook.toml"
    config.write_text(SETTINGS.format(host=HOST, phones=port) + "".join(map(ROUTE.format, NAMES)))
    phones = await Agents.open(port, talk_s=1.0)
    try:
        bot = await asyncio.to_thread(start_bot, "--config", str(config), **LIGHT)
        await place_all(bot, kinds, at_once)  # what is made once for all calls stays
        before = await counted(bot)
        for _ in range(TIMES):
            await place_all(bot, kinds, at_once)
        left = Counter[str]()
        for _ in range(LOOKS):  # the last ones may still be ending
            left = Counter({name: count for name, count in (await counted(bot) - before).items() if count >= TIMES})
            if not left:
                break
        assert left == Counter()
        events = Counter(json.loads(line)["event"] for line in bot.log().splitlines() if line.startswith("{"))
        assert all(events[what] >= TIMES for kind, what in EVENTS.items() if kind in kinds)
        assert not events["engine failed"]
    finally:
        phones.close()
