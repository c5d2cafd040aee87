"""Calls that are placed, ended and transferred by Twilio's REST API, through Twilio's own client."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest
from structlog.testing import capture_logs

from offhook.api.call import Call, Dialog
from offhook.api.call_ended import CallEnded
from offhook.carriers.outbound import CallStatus, number_of, place_call
from offhook.carriers.twilio_control import open_rest
from offhook.cli.main import main
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config, TwilioConfig
from offhook.testing.carrier import Carrier
from offhook.testing.carrier.dialects import PlainCarrier
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES
from tests.offhook.carriers.test_stream_call import WITHIN_S, node, records, until, url
from tests.offhook.carriers.twilio_account import (
    CALL_SID,
    NUMBER,
    Account,
    Form,
    account,
    connect,
    settings,
    webhook,
)
from tests.pipeline.conversation import Talk
from tests.ports import own_port

CALLEE = "+15552223333"


# The API.


@pytest.mark.parametrize(
    ("missing", "named"), [("account_sid", "ACCOUNT_SID"), ("auth_token", "AUTH_TOKEN"), ("number", "NUMBER")]
)
def test_what_the_settings_lack_is_named(missing: str, named: str) -> None:
    config = TwilioConfig(**(settings("http://127.0.0.1:1", 1) | {missing: None}))
    with pytest.raises(UserError, match=named):
        open_rest(config).dial(CALLEE, ring_s=1, detect_machine=False)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "offhook.carriers.twilio_rest", None)
    with pytest.raises(UserError, match=r"offhook\[twilio\]"):
        open_rest(TwilioConfig())


async def test_what_twilio_refuses_is_reported() -> None:
    async with account() as twilio:
        twilio.refuse = "Account not authorized to call +1900."
        rest = open_rest(TwilioConfig(**settings(twilio.url, 1)))
        with pytest.raises(UserError, match="not authorized to call"):
            await asyncio.to_thread(rest.dial, CALLEE, ring_s=1, detect_machine=False)


async def test_a_server_that_is_not_there_is_reported() -> None:
    rest = open_rest(TwilioConfig(**settings(f"http://127.0.0.1:{own_port()}", 1)))
    with pytest.raises(UserError, match="did not end the call"):
        await asyncio.to_thread(rest.hang_up, CALL_SID)


# An outbound call.


def config_of(directory: Path, twilio: Account, port: int) -> Config:
    return Config.load(
        None,
        {
            **LIGHT_ENGINES,
            "sip": {"host": "127.0.0.1", "port": 0},
            "http": {"host": "127.0.0.1", "port": port},
            "records": {"dir": directory},
            "twilio": settings(twilio.url, port),
        },
    )


async def test_a_call_that_is_answered(tmp_path: Path) -> None:
    headers: dict[str, str] = {}

    async def talk(call: Call) -> None:
        headers.update(call.headers)
        await call.say("Hello.")

    async with account() as twilio:
        port = own_port()
        base = f"http://127.0.0.1:{port}"

        async def answered(form: Form) -> None:
            fields = {"CallSid": CALL_SID, "From": form["From"][0], "To": form["To"][0], "Direction": "outbound-api"}
            call = await connect(base, fields | {"AnsweredBy": "human"})
            await call.closed_by_bot(WITHIN_S)
            for status in ("ringing", "in-progress", "completed"):
                await webhook(base, "/twilio/status", fields | {"CallStatus": status})

        twilio.on_create = answered
        outcome = await asyncio.wait_for(
            place_call(config_of(tmp_path, twilio, port), talk, CALLEE, detect_machine=True), 3 * WITHIN_S
        )
    (form,) = twilio.created
    assert (form["To"], form["From"], form["Url"]) == ([CALLEE], [NUMBER], [f"{base}/twilio/voice"])
    assert (form["StatusCallback"], form["MachineDetection"]) == ([f"{base}/twilio/status"], ["Enable"])
    assert (outcome.status, outcome.answered) == ("completed", True)
    assert outcome.record is not None
    assert (outcome.record.direction, outcome.record.src, outcome.record.dst) == ("outbound", NUMBER, CALLEE)
    assert headers == {"AnsweredBy": "human"}


@pytest.mark.parametrize(
    ("status", "disposition"), [("busy", "BUSY"), ("no-answer", "NO ANSWER"), ("failed", "FAILED")]
)
async def test_a_call_that_nobody_answers_leaves_a_record(tmp_path: Path, status: str, disposition: str) -> None:
    async def talk(call: Call) -> None:
        raise AssertionError("nobody is there")

    async with account() as twilio:
        port = own_port()
        fields = {"CallSid": CALL_SID, "CallStatus": status}

        async def refused(form: Form) -> None:
            await webhook(f"http://127.0.0.1:{port}", "/twilio/status", fields)
            with suppress(OSError):  # the bot may have gone by then
                await webhook(f"http://127.0.0.1:{port}", "/twilio/status", fields)

        twilio.on_create = refused
        outcome = await asyncio.wait_for(place_call(config_of(tmp_path, twilio, port), talk, CALLEE), WITHIN_S)
    assert (outcome.status, outcome.answered) == (status, False)
    assert outcome.record is not None
    assert (str(outcome.record.disposition), outcome.record.direction) == (disposition, "outbound")
    assert outcome.record.end_reason == f"the call was not answered: {status}"


async def test_when_callbacks_do_not_find_us_twilio_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def talk(call: Call) -> None:
        raise AssertionError("nobody is there")

    monkeypatch.setattr("offhook.carriers.outbound.ASK_AFTER_S", 0.2)
    async with account() as twilio:
        twilio.status = "no-answer"
        config = config_of(tmp_path, twilio, own_port())
        outcome = await asyncio.wait_for(place_call(config, talk, CALLEE, ring_s=0), WITHIN_S)
    assert outcome.status == "no-answer"


async def test_that_twilio_cannot_be_asked_ends_no_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.carriers.outbound.ASK_AFTER_S", 0.1)
    talked = asyncio.Event()

    async def talk(call: Call) -> None:
        await asyncio.sleep(0.5)
        talked.set()

    async with account() as twilio:
        port = own_port()
        base = f"http://127.0.0.1:{port}"

        async def answered(form: Form) -> None:
            fields = {"CallSid": CALL_SID, "From": form["From"][0], "To": form["To"][0], "Direction": "outbound-api"}
            call = await connect(base, fields)
            twilio.refuse = "Too many requests."
            await call.closed_by_bot(WITHIN_S)
            twilio.refuse = None
            await webhook(base, "/twilio/status", fields | {"CallStatus": "completed"})

        twilio.on_create = answered
        outcome = await asyncio.wait_for(
            place_call(config_of(tmp_path, twilio, port), talk, CALLEE, ring_s=0), WITHIN_S
        )
    assert talked.is_set()
    assert (outcome.status, outcome.answered) == ("completed", True)


@pytest.mark.parametrize("sid_known", [True, False], ids=["its SID is known", "Twilio has not answered yet"])
async def test_a_call_that_nobody_waits_for_any_more_rings_no_longer(tmp_path: Path, sid_known: bool) -> None:
    async def talk(call: Call) -> None:
        raise AssertionError("nobody is there")

    async with account() as twilio:
        cancelled = asyncio.Event()
        if not sid_known:
            twilio.before_answer = cancelled.wait
        placing = asyncio.create_task(place_call(config_of(tmp_path, twilio, own_port()), talk, CALLEE))
        with capture_logs() as logs:
            await until(lambda: any(each["event"] == "calling" for each in logs) if sid_known else bool(twilio.created))
        placing.cancel()
        await asyncio.sleep(0)
        cancelled.set()
        with suppress(asyncio.CancelledError):
            await placing
        ((call_sid, form),) = twilio.updated
    assert (call_sid, form["Status"]) == (CALL_SID, ["completed"])


async def test_only_the_last_word_about_a_call_counts() -> None:
    statuses = CallStatus()
    for status in ("queued", "ringing", "in-progress", "completed", "busy"):
        statuses.on_status("CA1", status)
    assert await statuses.final("CA1", 1.0) == "completed"
    assert await statuses.final("CA2", 0.01) is None


def test_calls_are_placed_over_twilio() -> None:
    assert number_of("twilio:+15551234567") == "+15551234567"
    for address in ("+15551234567", "sip:bob@example.com"):
        assert number_of(address) is None
    for address in ("twilio:bob", "twilio:911", "twilio:"):
        with pytest.raises(UserError):
            number_of(address)


# A call in progress.

FIELDS = {"CallSid": CALL_SID, "From": "+1555", "To": NUMBER}


@asynccontextmanager
async def going_on(
    directory: Path, dialog: Dialog, twilio: Account, **more: object
) -> AsyncIterator[tuple[LocalBot, Carrier]]:
    """A bot, and a call that Twilio has connected to it."""
    port = own_port()
    http = {"host": "127.0.0.1", "port": port}
    calls = {"max_calls": more.pop("max_calls", 0)}
    async with node(directory, dialog, http=http, calls=calls, twilio=settings(twilio.url, port, **more)) as bot:
        call = await connect(f"http://127.0.0.1:{port}", FIELDS)

        async def stop(call_sid: str, form: Form) -> None:
            # As Twilio does when a call leaves its stream.
            await call.send("stop", callSid=call_sid)

        twilio.on_update = stop
        yield bot, call


async def test_a_call_is_transferred(tmp_path: Path) -> None:
    afterwards: list[str] = []

    async def talk(call: Call) -> None:
        await call.say("One moment.")
        await call.transfer(CALLEE)
        afterwards.append("work")
        await asyncio.sleep(0)
        afterwards.append("more work")

    more: dict[str, object] = {"transfer_allow": [CALLEE], "hang_up_by_rest": True}
    async with account() as twilio, going_on(tmp_path, talk, twilio, **more) as (bot, call):
        await call.closed_by_bot(WITHIN_S)
        (record,) = await records(bot)
        ((call_sid, form),) = twilio.updated
    assert call_sid == CALL_SID
    number = ElementTree.fromstring(form["Twiml"][0]).find("Dial/Number")
    assert number is not None
    assert number.text == CALLEE
    assert (str(record.ended_by), record.end_reason) == ("bot", f"transferred to {CALLEE}")
    assert len(call.log.played) == record.rtp["octets_sent"], "all was heard before"
    assert afterwards == ["work", "more work"]


@pytest.mark.parametrize(("allowed", "refuse"), [([], None), ([CALLEE], "Number not in service.")])
async def test_a_transfer_that_cannot_be_leaves_the_call_as_it_is(
    tmp_path: Path, allowed: list[str], refuse: str | None
) -> None:
    caught: list[UserError] = []

    async def talk(call: Call) -> None:
        try:
            await call.transfer(CALLEE)
        except UserError as error:
            caught.append(error)
        await call.say("Then you will have to talk with me.")

    async with account() as twilio, going_on(tmp_path, talk, twilio, transfer_allow=allowed) as (bot, call):
        twilio.refuse = refuse
        await call.closed_by_bot(WITHIN_S)
        (record,) = await records(bot)
        assert twilio.updated == []
    assert (refuse or "transfer_allow") in str(caught[0])
    assert record.end_reason == "bot hung up"
    assert len(call.log.played) > 0


@pytest.mark.parametrize("by_rest", [True, False])
async def test_hanging_up_by_rest_where_it_is_wanted(tmp_path: Path, by_rest: bool) -> None:
    async def talk(call: Call) -> None:
        await call.say("Goodbye.")

    async with account() as twilio, going_on(tmp_path, talk, twilio, hang_up_by_rest=by_rest) as (bot, call):
        await call.closed_by_bot(WITHIN_S)
        await records(bot)
        if by_rest:
            await until(lambda: bool(twilio.updated))
        assert [(sid, form["Status"]) for sid, form in twilio.updated] == (
            [(CALL_SID, ["completed"])] if by_rest else []
        )


async def test_other_carriers_calls_cannot_be_transferred(tmp_path: Path) -> None:
    caught: list[UserError] = []

    async def talk(call: Call) -> None:
        try:
            await call.transfer(CALLEE)
        except UserError as error:
            caught.append(error)

    async with node(tmp_path, talk, twilio={"transfer_allow": [CALLEE]}) as bot:
        call = await PlainCarrier.dial(url(bot).replace("twilio", "plain"))
        await call.closed_by_bot(WITHIN_S)
    assert "plain" in str(caught[0])


# The command line.


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["+15551234567"], "there is none"),
        (["sip:bob@"], "cannot be called"),
        (["100", "--trunk", "nowhere"], "nowhere"),
        (["sip:bob@127.0.0.1", "--header", "To=x"], "the header"),
        (["twilio:911"], "not a phone number"),
        (["twilio:+15551234567"], "ACCOUNT_SID"),
        (["twilio:+15551234567", "--flow", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_mistakes_are_reported_before_anything_is_started(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    printed: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["offhook", "call", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert printed in errors
    assert "ready" not in errors


async def test_a_carrier_without_transfers_says_so() -> None:
    call = Call(Talk().session, call_id="c", caller="", called="")
    with pytest.raises(UserError, match="carrier has no transfers"):
        await call.transfer(CALLEE)


async def test_a_call_that_is_over_cannot_be_transferred() -> None:
    call = Call(Talk().session, call_id="c", caller="", called="")
    call.end()
    with pytest.raises(CallEnded):
        await call.transfer(CALLEE)
