"""What PJSIP refuses to register at once is tried again."""

import pytest

pytest.importorskip("pjsua2", reason="there is no wheel of PJSIP for this Python")
pytest.importorskip("offhook.telephony.native._frames", reason="the part in C was not built")

import pjsua2 as pj

from offhook.carriers.pjsua2 import accounts
from offhook.carriers.pjsua2.objects import PjAccount
from offhook.sip.commands import Register
from offhook.sip.events import Registered, RegistrationFailed
from offhook.sip.net.address import Address
from tests.offhook.carriers.pjsua2.test_challenges import FarEnd
from tests.offhook.carriers.pjsua2.test_user_agent import Agent
from tests.ports import HOST


@pytest.mark.parametrize("step", ["modify", "setRegistration"])
async def test_what_pjsip_refuses_is_tried_again(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    registrar = FarEnd(HOST)
    name, uri = "provider", f"sip:{HOST}:{registrar.address.port}"
    trunk = {"host": HOST, "port": registrar.address.port, "user": "bot", "registration": True}
    agent = Agent(trunks={name: trunk})
    agent.pjsip.start()
    done, refused = getattr(PjAccount, step), list[str]()

    def fails_once(account: PjAccount, what: object) -> None:
        if not refused:
            refused.append(account.name)
            raise pj.Error(70_004, "", "planted", "", 0)
        done(account, what)

    monkeypatch.setattr(PjAccount, step, fails_once)
    monkeypatch.setattr(accounts, "RETRY_S", 0.05)
    try:
        agent.pjsip.do(Register(name, uri, f"sip:bot@{HOST}", "bot", destination=Address(HOST, registrar.address.port)))
        assert refused == [name]
        (failed,) = (each for each in agent.events if isinstance(each, RegistrationFailed))
        assert (failed.status, failed.reason) == (0, "planted")
        request = await registrar.request("REGISTER")
        registrar.reply(request, "200 OK", f"Contact: <sip:bot@{agent.address}>;expires=60")
        await agent.until(lambda: any(isinstance(each, Registered) for each in agent.events))
    finally:
        agent.pjsip.stop()
        registrar.socket.close()
