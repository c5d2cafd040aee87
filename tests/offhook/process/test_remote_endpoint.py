"""The supervisor's side of a user agent that a worker has."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from offhook.carriers.pjsua2.messages import Probed
from offhook.process.messages import Execute, Signalled, SignallingReady
from offhook.process.remote_endpoint import RemoteEndpoint, blaming_pjsip, open_signalling
from offhook.process.worker_handle import WorkerDiedError, WorkerHandle, WorkerState
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Bye, MoveRegistration, Register, Reject, Unregister
from offhook.sip.errors import LocalError
from offhook.sip.events import CallEnded, EndCause, Event, IncomingCall
from offhook.sip.message.headers import Headers
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport
from offhook.sip.uas_checks import Refusal
from offhook.usererror import UserError

CALLER = Address("192.0.2.9", 5060)
REGISTER = Register("pbx", "sip:192.0.2.7", "sip:bot@192.0.2.7", "bot")
INVITE = IncomingCall("c", "sip:ann@192.0.2.9", "sip:bot@192.0.2.1", "abc", None, CALLER, Headers())


class Bot:
    """An endpoint, and the one worker that it has."""

    def __init__(self, refusal: Refusal | None = None) -> None:
        self.done: list[object] = []
        self.events: list[Event] = []
        self.worker = cast(WorkerHandle, SimpleNamespace(state=WorkerState.READY, send=self.done.append))
        self.endpoint = RemoteEndpoint(
            Config.model_validate({"sip": {"backend": "pjsua2"}}),
            Address("192.0.2.1", 5060),
            self.events.append,
            lambda method, source: refusal,
            [self.worker],
        )


async def test_commands_go_to_the_worker_and_its_events_come_back() -> None:
    bot = Bot()
    bot.endpoint.do(Bye("c"))
    assert bot.done == [Execute(Bye("c"))]
    ended = CallEnded("c", EndCause.LOCAL_BYE)
    bot.endpoint.from_worker(Signalled(ended))
    bot.endpoint.from_worker(Signalled(INVITE))
    assert bot.events == [ended, INVITE]


async def test_a_call_that_is_not_admitted_is_refused_there() -> None:
    bot = Bot(Refusal(503))
    bot.endpoint.from_worker(Signalled(INVITE))
    assert (bot.events, bot.done) == ([], [Execute(Reject("c", 503))])


@pytest.mark.parametrize(
    ("refusal", "answer"),
    [
        (None, Answer("o", b"")),
        (Refusal(503, (("Retry-After", "9"),)), Reject("o", 503, (("Retry-After", "9"),))),
    ],
)
async def test_options_get_what_a_call_would_get(refusal: Refusal | None, answer: Answer | Reject) -> None:
    bot = Bot(refusal)
    bot.endpoint.from_worker(Signalled(Probed("o", CALLER)))
    assert (bot.events, bot.done) == ([], [Execute(answer)])


async def test_without_the_worker_nobody_executes_anything() -> None:
    bot = Bot()
    bot.worker.state = WorkerState.GONE
    with pytest.raises(LocalError, match="is not there"):
        bot.endpoint.do(Bye("c"))
    bot.worker.state = WorkerState.READY
    bot.endpoint.close()
    with pytest.raises(LocalError, match="is not there"):
        bot.endpoint.do(Bye("c"))


async def test_a_worker_that_replaces_another_is_told_what_was_registered_and_where() -> None:
    bot = Bot()
    bot.endpoint.do(REGISTER)
    bot.endpoint.do(Register("gone", "sip:192.0.2.8", "sip:bot@192.0.2.8", "bot"))
    moved = Target(Transport.UDP, Address("192.0.2.77", 5060))
    bot.endpoint.do(MoveRegistration("pbx", moved))
    bot.endpoint.do(Unregister("gone"))
    bot.done.clear()
    bot.endpoint.from_worker(SignallingReady(4))
    (told,) = bot.done
    assert isinstance(told, Execute)
    assert isinstance(told.command, Register)
    assert (told.command.call, told.command.aor, told.command.destination) == ("pbx", REGISTER.aor, moved)


async def test_names_are_found_as_ever_and_pages_have_something_to_show() -> None:
    bot = Bot()
    (found,) = await bot.endpoint.find("sip:ann@192.0.2.9:5070;transport=tcp")
    assert found == Target(Transport.TCP, Address("192.0.2.9", 5070), "")
    assert (bot.endpoint.is_open, bot.endpoint.flows()) == (True, [])
    assert bot.endpoint.ua.idle
    await bot.endpoint.drained()
    bot.endpoint.close()
    assert not bot.endpoint.is_open


def died() -> None:
    raise WorkerDiedError("worker 0", "starting", "its process ended before it was ready")


def test_where_the_process_dies_at_its_start_pjsip_is_blamed_in_three_parts() -> None:
    with pytest.raises(UserError) as raised, blaming_pjsip(Config.model_validate({"sip": {"backend": "pjsua2"}})):
        died()
    (problem,) = raised.value.problems
    assert problem.what == "PJSIP has ended its process at the start"
    assert "Assertion" in problem.why
    assert '`backend = "own"`' in problem.todo
    with pytest.raises(WorkerDiedError), blaming_pjsip(Config()):
        died()


async def test_a_certificate_that_cannot_be_read_is_refused_at_the_start(tmp_path: Path) -> None:
    sip = {"backend": "pjsua2", "port": 0, "tls_port": 0, "tls_certificate": tmp_path / "missing.pem"}
    config = Config.model_validate({"sip": sip})
    with pytest.raises(UserError) as raised:
        await open_signalling(config, print, lambda *_: None, lambda _: True, lambda *_: "", [])
    assert "tls_certificate" in str(raised.value)
