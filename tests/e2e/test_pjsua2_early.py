"""Whatever comes before the answer, and stray ACKs, to a bot whose calls PJSIP carries: its process goes on."""

import random
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Response
from tests.e2e.test_pjsua2_offers import (
    ANSWER_S,
    APART_S,
    AUDIO,
    BROKEN,
    DESCRIPTIONS,
    WAIT_S,
    WITH_VIDEO,
    Wrong,
    pytestmark,
    same_process,
)
from tests.e2e.test_scenarios import DIALOGS, LIGHT
from tests.ports import own_ports

__all__ = ["pytestmark"]

CALLS, STEPS = 40, 6
METHODS = ("PRACK", "PRACK", "PRACK", "UPDATE", "CANCEL", "BYE", "ACK", "INVITE", "")
RELIABLE = ("Supported: 100rel", "Require: 100rel", "Supported: timer")


class Early(Wrong):
    """A telephone that has not been answered, and does not wait for that."""

    rseq = 0
    branch = ""
    invited = 0

    def receive(self) -> Response:
        response = super().receive()
        if (found := re.search(r"^RSeq: (\d+)", response.text, re.MULTILINE | re.IGNORECASE)) is not None:
            self.rseq, self.to_tag = int(found[1]), response.to_tag
        return response

    def begin(self, body: str, extra: str) -> None:
        """Invite, and wait for a reliable response if one comes soon."""
        self.cseq += 1
        self.invited, self.branch = self.cseq, f"z9hG4bK-early-{self.call_id}"
        self.send(self.request("INVITE", extra, cseq=self.cseq, branch=self.branch, body=body))
        self.hear(WAIT_S, until_reliable=True)

    def say(self, method: str, body: str, rack: int) -> None:
        """A request, of the INVITE's transaction if it is its CANCEL or ACK."""
        if method == "CANCEL":
            self.send(self.request("CANCEL", cseq=self.invited, branch=self.branch))
        elif method == "ACK":
            self.send(self.request("ACK", cseq=self.invited, to_tag=self.to_tag, body=body))
        elif method:
            self.cseq += 1
            extra = (f"RAck: {rack} {self.invited} INVITE",) if method == "PRACK" else ()
            self.send(self.request(method, *extra, cseq=self.cseq, to_tag=self.to_tag, body=body))

    def hear(self, seconds: float, *, until_reliable: bool = False) -> None:
        """What comes, until nothing has for so long."""
        self.socket.settimeout(seconds)
        with suppress(TimeoutError):
            while not (until_reliable and self.rseq):
                self.receive()


@pytest.fixture
def bot(tmp_path: Path) -> Iterator[BotProcess]:
    """It speaks before it answers."""
    shutil.copy(DIALOGS, tmp_path / "qa_dialogs.py")
    (tmp_path / "offhook.toml").write_text('[[routes]]\nnumber = "*"\nbot = "qa_dialogs:early"\n')
    low, high = own_ports(40)
    settings = {**LIGHT, "OFFHOOK_RTP__PORT_MIN": str(low), "OFFHOOK_RTP__PORT_MAX": str(high)}
    made = BotProcess(tmp_path, "--config", "offhook.toml", command=None, OFFHOOK_SIP__BACKEND="pjsua2", **settings)
    try:
        with same_process(made):
            yield made
    finally:
        made.close()


def test_an_ack_without_a_tag_while_the_invite_is_answered(bot: BotProcess) -> None:
    """PJSUA takes it for another copy of the INVITE."""
    with Early((bot.host, bot.port)) as phone:
        phone.begin(AUDIO, "Supported: timer")
        phone.to_tag = ""
        phone.say("ACK", "", 0)
        phone.hear(WAIT_S)


@pytest.mark.parametrize(("kind", "body"), [("application/sdp", BROKEN), ("text/plain", "hello")])
def test_a_prack_with_a_body_that_is_no_offer(bot: BotProcess, kind: str, body: str) -> None:
    """PJSIP takes each for one, once it has answered that of the INVITE."""
    with Early((bot.host, bot.port)) as phone:
        phone.begin(AUDIO, "Require: 100rel")
        assert phone.rseq
        rack = f"RAck: {phone.rseq} {phone.invited} INVITE"
        phone.cseq += 1
        prack = phone.request("PRACK", rack, cseq=phone.cseq, to_tag=phone.to_tag, body=body)
        phone.send(prack.replace(b"application/sdp", kind.encode()))
        phone.socket.settimeout(ANSWER_S)
        while not (answer := phone.receive()).header("CSeq").endswith("PRACK"):
            pass
        assert answer.status == 200
        phone.say("BYE", "", 0)
        phone.hear(WAIT_S)


def test_anything_in_any_order(bot: BotProcess) -> None:
    chance = random.Random(11)
    for _ in range(CALLS):
        time.sleep(APART_S)
        with Early((bot.host, bot.port)) as phone:
            phone.begin(chance.choice((AUDIO, AUDIO, AUDIO, "", WITH_VIDEO)), chance.choice(RELIABLE))
            for _ in range(chance.randrange(1, STEPS)):
                body = chance.choice((*DESCRIPTIONS, "", "", ""))
                phone.say(chance.choice(METHODS), body, phone.rseq + chance.choice((0, 0, 0, 1, -1)))
                phone.hear(chance.choice((0.02, 0.1, 0.3)))
            phone.say("ACK", "", 0)
            phone.say("BYE", "", 0)
            phone.hear(0.3)
