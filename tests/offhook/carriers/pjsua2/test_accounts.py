"""What PJSIP refuses at once, and what it cannot do yet, is tried again."""

import re
from collections.abc import AsyncIterator

import pytest

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")
pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")

import pjsua2 as pj

from offhook.carriers.pjsua2 import accounts
from offhook.carriers.pjsua2.objects import PjAccount
from offhook.sip.commands import Register, Unregister
from offhook.sip.events import Registered, RegistrationEnded, RegistrationFailed
from offhook.sip.net.address import Address
from tests.offhook.carriers.pjsua2.test_challenges import FarEnd
from tests.offhook.carriers.pjsua2.test_user_agent import Agent
from tests.ports import HOST

NAME = "provider"


@pytest.fixture
async def registrar() -> AsyncIterator[FarEnd]:
    made = FarEnd(HOST)
    yield made
    made.socket.close()


@pytest.fixture
async def agent(registrar: FarEnd) -> AsyncIterator[Agent]:
    """With a trunk there."""
    trunk = {"host": HOST, "port": registrar.address.port, "user": "bot", "registration": True}
    made = Agent(trunks={NAME: trunk})
    made.pjsip.start()
    yield made
    made.pjsip.stop()


def register(agent: Agent, registrar: FarEnd) -> None:
    uri, there = f"sip:{registrar.address}", Address(HOST, registrar.address.port)
    agent.pjsip.do(Register(NAME, uri, f"sip:bot@{HOST}", "bot", destination=there))


@pytest.mark.parametrize("step", ["modify", "setRegistration"])
async def test_what_pjsip_refuses_is_tried_again(
    agent: Agent, registrar: FarEnd, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    done, refused = getattr(PjAccount, step), list[str]()

    def fails_once(account: PjAccount, what: object) -> None:
        if not refused:
            refused.append(account.name)
            raise pj.Error(70_004, "", "planted", "", 0)
        done(account, what)

    monkeypatch.setattr(PjAccount, step, fails_once)
    monkeypatch.setattr(accounts, "RETRY_S", 0.05)
    register(agent, registrar)
    assert refused == [NAME]
    (failed,) = (each for each in agent.events if isinstance(each, RegistrationFailed))
    assert (failed.status, failed.reason) == (0, "planted")
    request = await registrar.request("REGISTER")
    registrar.reply(request, "200 OK", f"Contact: <sip:bot@{agent.address}>;expires=60")
    await agent.until(lambda: any(isinstance(each, Registered) for each in agent.events))


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden"])
async def test_a_register_that_is_unanswered_yet_is_followed_by_the_removal(
    agent: Agent, registrar: FarEnd, status: str
) -> None:
    register(agent, registrar)
    request = await registrar.request("REGISTER")
    agent.pjsip.do(Unregister(NAME))
    assert not [each for each in agent.events if isinstance(each, RegistrationEnded)]
    registrar.reply(request, status, f"Contact: <sip:bot@{agent.address}>;expires=60")
    if status == "200 OK":
        while not re.search(r"^(?:Expires: *0|Contact:.*;expires=0)\r$", request[0], re.MULTILINE):
            request = await registrar.request("REGISTER")
        registrar.reply(request, status)
    await agent.until(lambda: any(isinstance(each, RegistrationEnded) for each in agent.events))
