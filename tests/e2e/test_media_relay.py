"""Calls whose media rtpengine forwards, directed by Kamailio: as it is, and from RTP to SRTP."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.media_relay import RelayingProxy, Rtpengine
from tests.e2e.test_baresip_python import phone
from tests.e2e.test_pjsua import LIGHT, said

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("baresip") is None, reason="there is no wheel of baresip-python for this system"),
]

DIALOG = """
async def relayed(call):
    await call.ask("Who is there?")
    call.send_dtmf("42")
    await call.ask("Press one.", digits=1)
    await call.say("Goodbye.")
    await call.hangup()
"""


@pytest.mark.parametrize("encrypts", [False, True])
def test_sound_and_keys_go_both_ways(start_bot: Callable[..., BotProcess], tmp_path: Path, encrypts: bool) -> None:
    (tmp_path / "relayed.py").write_text(DIALOG)
    file = tmp_path / "offhook.toml"
    file.write_text('[[routes]]\nnumber = "*"\nbot = "relayed:relayed"\n')
    bot = start_bot("--config", str(file), OFFHOOK_RTP__SRTP="preferred", **LIGHT)
    steps = [["say", said(tmp_path, length_s=3)], ["keys", "42"], ["press", "1"]]
    with (
        Rtpengine(tmp_path) as relay,
        RelayingProxy(tmp_path, relay, bot.address, encrypts=encrypts) as proxy,
        phone(tmp_path, call=f"sip:bot@{proxy.address}", steps=steps) as caller,
    ):
        events = caller.events()
        (record,) = bot.ended()
        bot.wait_for(lambda: len(relay.packets()) == 2)
        forwarded = relay.packets()
    found = bot.finished(record)
    assert found["end_reason"] == "bot hung up"
    assert bot.lines(found, "caller") == ["check my balance", "[keys: 1]"]
    assert (found["rtp"]["srtp"], found["rtp"]["srtp_rejected"], found["rtp"]["lost"]) == (int(encrypts), 0, 0)
    assert next(each["loud_s"] for each in events if each["event"] == "heard") > 0.5
    assert min(forwarded) > 50
