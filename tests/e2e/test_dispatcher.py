"""Kamailio in front of two bots, over UDP and over TCP: the one that drains gets no more calls, and keeps its own."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.kamailio import Dispatcher
from tests.e2e.peers import Sipp, sipp

pytestmark = pytest.mark.peer


def test_a_bot_that_drains_is_taken_out(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    first, second = start_bot("--bench-engines"), start_bot("--bench-engines")
    targets = (f"sip:{first.address}", f"sip:{second.address};transport=tcp")
    with Dispatcher(tmp_path, *targets) as kamailio:
        first.wait_for(lambda: kamailio.target() == targets[0])
        with Sipp("uac_by_proxy.xml", tmp_path, "-d", "5000", target=kamailio.address, user="bot") as caller:
            first.wait_for(lambda: first.metric("offhook_calls_active") == 1)
            first.process.send_signal(signal.SIGTERM)
            first.wait_for(lambda: kamailio.target() == targets[1], 4)
            sipp("uac_by_proxy.xml", tmp_path, kamailio.address, "-d", "300", user="bot").check()
            caller.wait().check()
        assert first.process.wait(15) == 0
    assert [each["end_reason"] for each in first.records()] == ["caller hung up"]
    assert [each["transport"] for each in second.records()] == ["tcp"]
