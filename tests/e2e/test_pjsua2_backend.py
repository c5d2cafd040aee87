"""Calls that PJSIP carries for the bot (`sip.backend = "pjsua2"`); the far ends are our own stack, SIPp, Kamailio."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.e2e.conftest import BotProcess
from tests.e2e.kamailio import Kamailio
from tests.e2e.peers import HOST, Sipp, scenario_file, sipp
from tests.e2e.phone import Phone, sdp
from tests.e2e.scenario_dialogs import __file__ as DIALOGS
from tests.e2e.test_calls_out import PASSWORD, TOKEN, ask, place, record, start, until
from tests.e2e.test_pjsua import Pjsua
from tests.e2e.test_queue import agent_does, waits
from tests.e2e.test_queue import bot as queue_bot
from tests.e2e.test_secure_calls import call as secure_call
from tests.e2e.test_transfer import ASKS, FLOW, LIGHT
from tests.e2e.test_trunks import settings as trunk_settings
from tests.e2e.test_trunks import trunk
from tests.ports import own_ports

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(find_spec("pjsua2") is None, reason="there is no wheel of PJSIP for this Python"),
    pytest.mark.skipif(
        find_spec("offhook.telephony.native._frames") is None, reason="the frame port in C was not built"
    ),
]

MOST_CALLS = 4
"""Of the wheel's build."""

CANCELLED_CALLS, LATEST_CANCEL_S = 1000, 0.04

MEDIA_PORT = 9
"""Nobody listens there."""

Start = Callable[..., BotProcess]


@pytest.fixture(autouse=True)
def _backend(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    low, high = own_ports(40)
    monkeypatch.setenv("OFFHOOK_SIP__BACKEND", "pjsua2")
    monkeypatch.setenv("OFFHOOK_RTP__PORT_MIN", str(low))
    monkeypatch.setenv("OFFHOOK_RTP__PORT_MAX", str(high))
    yield


def log_of(bot: BotProcess) -> list[dict[str, Any]]:
    return [json.loads(line) for line in bot.log().splitlines() if line.startswith("{")]


def answered(bot: BotProcess, count: int) -> bool:
    """Whether it has answered so many calls."""
    return [line["event"] for line in log_of(bot)].count("answered") == count


def asked(bot: BotProcess, path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bot.get(path))
    return found


def test_all_its_calls_are_in_use(start_bot: Start, tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_OUTBOUND__TOKEN=TOKEN)
    (ready,) = (line for line in log_of(bot) if line["event"] == "PJSIP is ready")
    assert ready["most_calls"] == MOST_CALLS
    with ExitStack() as stack:
        held = []
        for count in range(1, MOST_CALLS + 1):
            waits = Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=bot.address)
            held.append(stack.enter_context(waits))
            bot.wait_for(partial(answered, bot, count))
        bot.wait_for(lambda: bot.readiness() == (429, "full"))
        assert "calls of PJSIP are used up" in str(ask(bot, "GET", "/readyz")[1]["why"])
        sipp("uac_busy.xml", tmp_path, bot.address, user="bot").check()
        bot.wait_for(lambda: bot.metric("offhook_calls_refused_total") >= 1)
        bot.process.send_signal(signal.SIGQUIT)
        for call in held:
            assert call.wait().check().received("BYE") == 1
    assert [one["ended_by"] for one in bot.ended(MOST_CALLS)] == ["operator"] * MOST_CALLS


def test_callers_who_wait_leave_room_for_the_agent(tmp_path: Path) -> None:
    patient = ("-recv_timeout", "40000")
    with (
        Sipp("uas_hangs_up.xml", tmp_path) as agent,
        queue_bot(tmp_path / "bot", agent.port, 'empty = "wait"', workers=1) as bot,
        ExitStack() as stack,
    ):
        ready = asked(bot, "/readyz")
        assert (ready["max_calls"], ready["state"]) == (MOST_CALLS, "ready")
        held = []
        for count in range(1, MOST_CALLS):
            held.append(stack.enter_context(Sipp("uac_waits.xml", tmp_path, *patient, target=bot.address)))
            waits(bot, count)
        assert bot.readiness() == (429, "full")
        assert "kept for calls out" in str(ask(bot, "GET", "/readyz")[1]["why"])
        sipp("uac_busy.xml", tmp_path, bot.address, user="bot").check()
        assert agent_does(bot, "login") in ("desk: ringing", "desk: ready")
        assert agent.wait().received("INVITE") == 1  # that PJSIP offers other payload types is no matter here
        assert held[0].wait().check().received("BYE") == 1
        bot.process.send_signal(signal.SIGQUIT)
        for call in held[1:]:
            call.wait().check()


def sip_command(bot: BotProcess, *arguments: str) -> tuple[int, str]:
    """Status and standard error of `offhook sip`, which asks the bot."""
    command = [sys.executable, "-m", "offhook", "sip", *arguments, "--http", bot.http]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("trace",), "SIP messages are not seen by this bot"),
        (("trace", "--live"), "SIP messages are not seen by this bot"),
        (("status",), "the SIP dialogs and transactions of this bot are not known"),
        (("status", "connections"), "the SIP dialogs and transactions of this bot are not known"),
        (("capture", "-o", "x.pcap"), "this bot captures no calls"),
    ],
)
def test_what_pjsip_keeps_to_itself_is_refused_in_three_parts(
    start_bot: Start, tmp_path: Path, arguments: tuple[str, ...], what: str
) -> None:
    bot = start_bot("--bench-engines")
    with Phone((bot.host, bot.port)) as phone:
        answer = phone.ask(phone.request("INVITE", body=sdp(MEDIA_PORT)))
        phone.send(phone.request("ACK", to_tag=answer.to_tag))
        phone.insist(phone.request("BYE", cseq=2, to_tag=answer.to_tag))
        bot.record(phone.port)
    status, said = sip_command(bot, *arguments)
    assert status == 2
    assert what in said
    assert "why:  PJSIP carries this bot's calls" in said
    assert "type: " in said and '`backend = "own"` below `[sip]`' in said
    assert asked(bot, "/api/status")["sip"] == {}


def cancelled(phone: Phone, after_s: float) -> int:
    """Call, and give up after that time: the INVITE's final status, after which the call is ended properly."""
    branch = f"z9hG4bK{phone.call_id}"
    phone.send(phone.request("INVITE", branch=branch, body=sdp(MEDIA_PORT)))
    time.sleep(after_s)
    phone.send(phone.request("CANCEL", branch=branch))
    while (answer := phone.final()).header("CSeq") != "1 INVITE":
        pass
    if answer.status == 200:
        phone.send(phone.request("ACK", to_tag=answer.to_tag))
        while (over := phone.insist(phone.request("BYE", cseq=2, to_tag=answer.to_tag))).header("CSeq") != "2 BYE":
            pass
        assert over.status == 200
    else:
        phone.send(phone.request("ACK", to_tag=answer.to_tag, branch=branch))
    return answer.status


def test_calls_that_are_cancelled_at_any_moment(start_bot: Start) -> None:
    bot = start_bot("--bench-engines")
    chance, statuses = random.Random(4), Counter[int]()
    for _ in range(CANCELLED_CALLS):
        with Phone((bot.host, bot.port)) as phone:
            statuses[cancelled(phone, chance.uniform(0.0, LATEST_CANCEL_S))] += 1
    # 503: faster than the bot takes calls; 500: faster than PJSIP has sockets again
    assert {200, 487} <= set(statuses) <= {200, 487, 500, 503}
    bot.wait_for(lambda: bot.metric("offhook_calls_active") == 0)
    bot.wait_for(lambda: all(record["end"] for record in bot.records()))
    assert len(bot.records()) >= statuses[200]
    (found,) = asked(bot, "/api/status")["workers"]
    assert found["calls"] == 0
    assert found["host"]["carriers"]["pjsua2"]["pjsip"]["calls"] == 0


def test_an_answer_in_the_ack_that_cannot_be_used_is_dropped(start_bot: Start) -> None:
    bot = start_bot("--bench-engines")
    with Phone((bot.host, bot.port)) as phone:
        offer = phone.ask(phone.request("INVITE"))
        assert offer.status == 200
        unusable = sdp(MEDIA_PORT).replace(f"c=IN IP4 {HOST}", "c=IN IP4 ::1")
        phone.send(phone.request("ACK", to_tag=offer.to_tag, body=unusable))
        assert phone.final().status == 200  # again, as if the ACK was lost
        phone.send(phone.request("ACK", to_tag=offer.to_tag, body=sdp(MEDIA_PORT)))
        assert phone.insist(phone.request("BYE", cseq=2, to_tag=offer.to_tag)).status == 200
        assert bot.record(phone.port)["end_reason"] == "caller hung up"
    refused = [line for line in log_of(bot) if line["event"] == "a session description was refused"]
    assert [line["of"] for line in refused] == ["Request msg ACK/cseq=1"]


def test_the_record_of_an_encrypted_call_out_says_so(start_bot: Start, tmp_path: Path) -> None:
    low, high = own_ports(40)
    own = {"OFFHOOK_SIP__BACKEND": "own", "OFFHOOK_RTP__PORT_MIN": str(low), "OFFHOOK_RTP__PORT_MAX": str(high)}
    callee = start_bot("--bench-engines", OFFHOOK_RTP__SRTP="preferred", **own)
    bot = start(start_bot, tmp_path, callee.port, OFFHOOK_RTP__SRTP="preferred")
    call = place(bot)
    until(bot, call, "answered")
    assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
    rtp = record(bot, call)["rtp"]
    (far,) = callee.ended()
    assert (rtp["srtp"], callee.finished(far)["rtp"]["srtp"]) == (1, 1)
    for each in (bot, callee):
        warned = [line for line in log_of(each) if line["event"] == "the keys for encrypted media can be read"]
        assert [line["type"] for line in warned] == ["tls_certificate below [sip]"]
        assert warned[0]["why"].startswith("SDP has them, and it came over ")


def test_a_call_out_with_a_password_for_the_invite_and_the_bye(start_bot: Start, tmp_path: Path) -> None:
    with Sipp("uas_asks_password.xml", tmp_path) as callee:
        bot = start(start_bot, tmp_path, callee.port)
        call = place(bot)
        assert until(bot, call, "answered")["trunk"] == "provider"
        assert ask(bot, "DELETE", f"/api/calls/{call}")[0] == 202
        outcome = callee.wait().check()
    assert "From: <sip:+15550001111@127.0.0.1>" in outcome.messages
    assert "Reason: Q.850;cause=16" in outcome.messages
    assert until(bot, call, "ended")["outcome"] == {"reason": "answered", "sip_status": 200, "q850": None}
    assert PASSWORD not in bot.log()


def test_a_call_out_that_is_not_answered(start_bot: Start, tmp_path: Path, recording: Path) -> None:
    assert recording.parent == tmp_path
    with Sipp("uas_announces.xml", tmp_path) as callee:
        bot = start(start_bot, tmp_path, callee.port)
        call = place(bot)
        callee.wait().check()
    found = until(bot, call, "ended")["outcome"]
    assert (found["reason"], found["sip_status"], found["q850"]) == ("no_answer", 480, 19)
    row = record(bot, call)
    assert row["direction"] == "outbound"
    assert row["rtp"]["packets_received"] > 30  # the announcement


def test_it_registers_by_tcp_is_called_and_leaves(start_bot: Start, tmp_path: Path) -> None:
    with Kamailio(tmp_path, password=PASSWORD, algorithm="MD5") as registrar:
        file = trunk_settings(tmp_path, registrar, "tcp")
        bot = start_bot("--config", str(file), OFFHOOK_TRUNKS__OFFICE__PASSWORD=PASSWORD, OFFHOOK_TTS__ENGINE="espeak")
        bot.wait_for(lambda: trunk(bot)["state"] == "registered")
        assert registrar.knows("bot")
        sipp("uac_by_proxy.xml", tmp_path, registrar.address, "-d", "2500", "-t", "t1", user="bot").check()
        (found,) = bot.ended()
        assert (found["disposition"], found["trunk"]) == ("ANSWERED", "office")
        assert bot.lines(found, "bot") == ["Welcome to the office. Shall we call you back?"]
        assert bot.stop() == 0
        assert not registrar.knows("bot")


def test_a_telephone_calls_over_tls_with_srtp(start_bot: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue(f"IP:{HOST}", "bot.test")
    bot = start_bot(
        "--bench-engines",
        OFFHOOK_SIP__TLS_CERTIFICATE=str(issued.certificate),
        OFFHOOK_SIP__TLS_KEY=str(issued.key),
        OFFHOOK_SIP__TLS_PORT="0",
        OFFHOOK_RTP__SRTP="required",
    )
    _, found = secure_call(bot, tmp_path, authority, "srtp-mand")
    assert (found["transport"], found["disposition"], found["rtp"]["srtp"]) == ("tls", "ANSWERED", 1)
    assert bot.lines(found, "caller")
    assert found["rtp"]["packets_received"] > 100


def test_a_wrong_password_is_reported(start_bot: Start, tmp_path: Path) -> None:
    with Kamailio(tmp_path, password=PASSWORD, algorithm="MD5") as registrar:
        file = trunk_settings(tmp_path, registrar)
        bot = start_bot("--bench-engines", "--config", str(file), OFFHOOK_TRUNKS__OFFICE__PASSWORD="guess")
        bot.wait_for(lambda: trunk(bot)["state"] == "failed")
        assert str(trunk(bot)["why"]).startswith("401")
        assert bot.readiness() == (200, "ready")
        assert bot.stop() == 0


def test_it_transfers_by_refer(start_bot: Start, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "offhook.toml").write_text(f'[transfer.targets]\ndesk = "sip:desk@{HOST}:9"\n')
    bot = start_bot("--config", str(tmp_path / "offhook.toml"), "--flow", str(tmp_path / "flow.yaml"), **LIGHT)
    sipp("uac_transferred.xml", tmp_path, bot.address).check()
    (found,) = bot.ended()
    assert (found["ended_by"], found["end_reason"]) == ("bot", "transferred to desk")


def test_it_connects_a_caller_whose_telephone_knows_no_refer(start_bot: Start, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    with Pjsua(tmp_path, answer=0.1, steps=[["wait", 1], ["hang_up"]]) as agent:
        (tmp_path / "offhook.toml").write_text(f'[transfer.targets]\ndesk = "sip:desk@{HOST}:{agent.port}"\n')
        bot = start_bot("--config", str(tmp_path / "offhook.toml"), "--flow", str(tmp_path / "flow.yaml"), **LIGHT)
        sipp("uac_knows_no_refer.xml", tmp_path, bot.address).check()
        assert "CONFIRMED" in [event.get("state") for event in agent.events()]
    assert [str(one["dst"]).startswith("sip:desk@") for one in bot.ended(2)] == [False, True]


def test_it_goes_on_with_the_party_that_the_far_end_refers_it_to(start_bot: Start, tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(ASKS)
    trunk_of_caller = f'[transfer]\nallow = ["*@{HOST}"]\n[trunks.pbx]\nhost = "{HOST}"\nrefer = "accept"\n'
    (tmp_path / "offhook.toml").write_text(trunk_of_caller)
    with Pjsua(tmp_path, answer=0.1, steps=[["wait", 2], ["hang_up"]]) as agent:
        bot = start_bot("--config", str(tmp_path / "offhook.toml"), "--flow", str(tmp_path / "flow.yaml"), **LIGHT)
        sipp("uac_refers.xml", tmp_path, bot.address, agent=agent.port).check()
        assert "CONFIRMED" in [event.get("state") for event in agent.events()]
        (found,) = bot.ended()
    assert (found["ended_by"], found["end_reason"]) == ("caller", "caller hung up")
    assert json.loads(found["rtp"])["packets_sent"] > 50  # before that it had no time for ten


def without_update(scenario: str) -> str:
    """The scenario but for its UPDATE and the answer, for which PJSIP is not asked: it gets 491."""
    before, marker, rest = scenario.partition('  <send retrans="500">\n    <![CDATA[\nUPDATE ')
    assert marker
    return before + rest.partition("  </recv>\n")[2].replace(",v3,v4", "")


def test_it_speaks_before_it_answers(start_bot: Start, tmp_path: Path) -> None:
    shutil.copy(DIALOGS, tmp_path / "qa_dialogs.py")
    (tmp_path / "offhook.toml").write_text('[[routes]]\nnumber = "*"\nbot = "qa_dialogs:early"\n')
    bot = start_bot("--config", str(tmp_path / "offhook.toml"), **LIGHT)
    scenario = tmp_path / "scenarios" / "uac_early.xml"
    scenario.parent.mkdir()
    scenario.write_text(without_update(scenario_file("uac_early_media.xml").read_text()))
    sipp(str(scenario), tmp_path, bot.address).check()  # 183, PRACK, and then 200
    (found,) = bot.ended()
    assert (found["disposition"], found["ended_by"]) == ("ANSWERED", "bot")
    assert found["billsec"] < found["duration"]


def test_options_get_what_a_call_would_get(start_bot: Start, tmp_path: Path) -> None:
    bot = start_bot("--bench-engines", OFFHOOK_CALLS__MAX_CALLS="1")
    with Phone((bot.host, bot.port)) as phone, Phone((bot.host, bot.port)) as other:
        answer = phone.ask(phone.request("INVITE", body=sdp(MEDIA_PORT)))
        phone.send(phone.request("ACK", to_tag=answer.to_tag))
        assert other.ask(other.request("OPTIONS")).status == 486
        assert phone.insist(phone.request("BYE", cseq=2, to_tag=answer.to_tag)).status == 200
        bot.wait_for(lambda: other.ask(other.request("OPTIONS")).status == 200)


def test_its_process_is_replaced_when_it_is_killed(start_bot: Start, tmp_path: Path) -> None:
    bot = start_bot("--bench-engines")
    with Sipp("uac_waits.xml", tmp_path, "-recv_timeout", "40000", target=bot.address):
        bot.wait_for(lambda: any(line["event"] == "answered" for line in log_of(bot)))
        (worker,) = asked(bot, "/api/status")["workers"]
        os.kill(int(worker["pid"]), signal.SIGKILL)
        bot.wait_for(lambda: asked(bot, "/api/status")["workers"][0]["pid"] not in (None, worker["pid"]))
        bot.wait_for(lambda: bot.readiness() == (200, "ready"))
    (found,) = bot.ended()
    assert (found["ended_by"], found["end_reason"]) == ("crash", "crash")
    sipp("uac_short.xml", tmp_path, bot.address, "-d", "500").check()
    assert [one["end_reason"] for one in bot.ended(2)] == ["crash", "caller hung up"]


def test_what_it_cannot_do_is_refused_at_the_start(tmp_path: Path) -> None:
    sip = ("--sip", f"{HOST}:0", "--sip-backend", "pjsua2")
    command = [sys.executable, "-m", "offhook", "serve", *sip, "--workers", "2"]
    environment = {**os.environ, "OFFHOOK_RECORDS__DIR": str(tmp_path), "OFFHOOK_HTTP__ENABLED": "false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "2 workers cannot share PJSIP" in done.stderr
    assert "type: --workers 1" in done.stderr
