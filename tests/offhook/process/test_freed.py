"""An ended call is freed at once, not by the garbage collector with hundreds of others."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.api.call import Call
from offhook.api.dialogs import bench_dialog
from offhook.calls.conversation import Conversation
from offhook.carriers.inbound_call import InboundCall
from offhook.pipeline.session import Session
from offhook.pipeline.vad.batch import BatchedStream
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.rtp import RtpSession
from offhook.testing.sip_caller import Caller
from tests.offhook.bots import LIGHT_ENGINES
from tests.ports import own_rtp

HOST = "127.0.0.1"
OF_THE_CALLER = Counter((UdpLine, RtpSession))
OF_A_CALL = (Conversation, InboundCall, Session, BatchedStream, UdpLine, RtpSession)


@pytest.fixture
def uncollected() -> Iterator[Counter[type]]:
    """What other tests have left behind, in a traceback for instance."""
    gc.collect()
    gc.disable()
    yield alive()
    gc.enable()


def alive() -> Counter[type]:
    return Counter(type(one) for one in gc.get_objects() if isinstance(one, OF_A_CALL))


async def brief(call: Call) -> None:
    await call.say("Goodbye.")


@pytest.mark.parametrize("who", ["caller", "bot"])
async def test_nothing_of_a_call_is_left(uncollected: Counter[type], tmp_path: Path, who: str) -> None:
    config = Config.load(
        None,
        {
            "sip": {"host": HOST, "port": 0},
            "http": {"enabled": False},
            "rtp": {**own_rtp(), "media_timeout_s": 1, "first_media_timeout_s": 1},
            **LIGHT_ENGINES,
            "records": {"dir": tmp_path, "record_audio": True},
        },
    )
    node = LocalBot(config, bench_dialog if who == "caller" else brief)
    await node.start()
    try:
        caller = await asyncio.wait_for(Caller.dial(HOST, node.sip_address), 5)
        await caller.listen_for(0.3)
        assert alive() - uncollected == Counter(OF_A_CALL) + OF_THE_CALLER
        if who == "bot":
            await asyncio.wait_for(caller.over.wait(), 10)
        caller.close()
        await asyncio.wait_for(node.idle(), 5)
        for _ in range(10):  # turns of the loop, for tasks that were cancelled
            await asyncio.sleep(0)
        assert alive() - uncollected == OF_THE_CALLER
    finally:
        await node.stop()
