"""A transfer to somebody whose tag is long: the bot goes on, and the caller is told all of it, over either backend."""

import re
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.backends import BACKENDS
from tests.e2e.callee import Callee, Step
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST
from tests.e2e.test_pjsua2_offers import ANSWER_S, AUDIO, Wrong, lives, pytestmark
from tests.e2e.test_transfer import bot

__all__ = ["pytestmark"]

FLOW = """
name: switchboard
start: desk
steps:
  desk: {transfer: desk, mode: attended, summary: Somebody., otherwise: leave}
  leave: {hang_up: Nobody.}
"""
TAG = "t" * 400
"""PJSIP has 512 octets for what the REFER says of the other call."""
PRESSED_S = 1.0


class Agent(Callee):
    """Takes what is announced, by a key."""

    numbers = 0

    def press(self, running: BotProcess) -> None:
        fields = dict(re.findall(r"^(From|To|Call-ID): (.*)\r$", self.invite, re.MULTILINE))
        self.numbers += 1
        lines = (
            f"INFO sip:bot@{running.host}:{running.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};branch=z9hG4bK-key-{self.numbers}",
            f"From: {fields['To']};tag={TAG}",
            f"To: {fields['From']}",
            f"Call-ID: {fields['Call-ID']}",
            f"CSeq: {self.numbers} INFO",
            "Content-Type: application/dtmf-relay",
            "Content-Length: 10",
            "",
            "Signal=1\r\n",
        )
        self._socket.sendto("\r\n".join(lines).encode(), (running.host, running.port))


def referred(phone: Wrong, agent: Agent, running: BotProcess) -> str:
    """The bot's REFER, once the agent has taken the call."""
    end = time.monotonic() + 2 * ANSWER_S
    phone.socket.settimeout(PRESSED_S)
    while time.monotonic() < end:
        if "ACK" in agent.methods:
            agent.press(running)
        with suppress(TimeoutError):
            while not (message := phone.socket.recv(65_535).decode()).startswith("REFER "):
                pass
            return message
    raise AssertionError(running.log())


@pytest.mark.parametrize("backend", BACKENDS)
def test_to_somebody_with_a_long_tag(tmp_path: Path, backend: str) -> None:
    with (
        Agent((Step(200, tag=TAG, body=AUDIO),)) as agent,
        bot(tmp_path / "bot", agent.port, flow=FLOW, backend=backend) as running,
        lives(running),
        Wrong((running.host, running.port)) as phone,
    ):
        assert phone.invite(AUDIO, "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY") == 200
        phone.acknowledge()
        assert TAG in referred(phone, agent, running)
        assert phone.ask_in_call("BYE") == 200
