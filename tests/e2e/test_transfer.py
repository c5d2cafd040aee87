"""Transfers with SIPp as every party, and with baresip as the caller's phone."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.backends import OWN, settings_of
from tests.e2e.conftest import BotProcess
from tests.e2e.peers import HOST, Sipp, free_udp_ports, sipp
from tests.e2e.test_baresip import configure, dials

pytestmark = pytest.mark.peer

FLOW = """
name: transfers
start: desk
steps:
  desk:
    transfer: desk
    announce: I'm connecting you.
    on_failure: {busy: busy}
    otherwise: sorry
  busy:
    hang_up: They are busy.
  sorry:
    hang_up: Nobody is there.
"""

LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}


@contextmanager
def bot(
    directory: Path, agent: int, *, more: str = "", workers: int = 1, flow: str = FLOW, backend: str = OWN
) -> Iterator[BotProcess]:
    directory.mkdir()
    (directory / "flow.yaml").write_text(flow)
    (directory / "offhook.toml").write_text(f'[transfer.targets]\ndesk = "sip:desk@{HOST}:{agent}"\n{more}')
    options = ("--config", "offhook.toml", "--flow", "flow.yaml", "--workers", str(workers))
    process = BotProcess(directory, *options, command=None, **LIGHT, **settings_of(backend))
    try:
        yield process
    finally:
        process.stop()


@pytest.mark.parametrize(
    ("scenario", "by", "reason"),
    [
        ("uac_transferred.xml", "bot", "transferred to desk"),
        ("uac_transferred_bye.xml", "bot", "transferred to desk"),
        ("uac_transfer_busy.xml", "bot", "bot hung up"),
    ],
)
def test_a_refer(tmp_path: Path, scenario: str, by: str, reason: str) -> None:
    with bot(tmp_path / "bot", 9) as running, Sipp(scenario, tmp_path, target=running.address) as caller:
        port = caller.port
        caller.wait().check()
        record = running.record(port)
        assert (record["ended_by"], record["end_reason"]) == (by, reason)
        said = ["I'm connecting you."] + (["They are busy."] if "busy" in scenario else [])
        assert running.lines(record, "bot") == said


def test_two_workers_bridge_where_the_caller_knows_no_refer(tmp_path: Path) -> None:
    with (
        Sipp("uas_hangs_up.xml", tmp_path) as agent,
        bot(tmp_path / "bot", agent.port, workers=2) as running,
    ):
        sipp("uac_knows_no_refer.xml", tmp_path, running.address).check()
        outcome = agent.wait().check()
        assert outcome.received("INVITE") == outcome.received("ACK") == 1
        records = running.ended(2)
        # The agent's leg is a call of its own, with its record.
        assert [str(each["dst"]).startswith("sip:desk@") for each in records] == [False, True]
        # One ladder has both, by whichever record.
        ladders = [json.loads(running.get(f"/api/sip/trace?call={each['uniqueid']}")) for each in records]
        assert [each["legs"] for each in ladders] == [[each["call_id"] for each in records]] * 2
        assert [len(each["columns"]) for each in ladders] == [3, 3]


ASKS = """
name: asks
start: hello
steps:
  hello:
    ask: Who is there?
    choices: {me: {phrases: [me], key: 1, next: end}}
    no_input: {then: end, attempts: 1}
    no_match: {then: end, attempts: 1}
    timeout_s: 4
  end:
    hang_up: Goodbye.
"""


def test_the_bot_goes_on_with_another_party(tmp_path: Path) -> None:
    more = f'[transfer]\nallow = ["*@{HOST}"]\n[trunks.pbx]\nhost = "{HOST}"\nrefer = "accept"\n'
    with Sipp("uas_answers.xml", tmp_path) as agent, bot(tmp_path / "bot", 9, more=more, flow=ASKS) as running:
        sipp("uac_refers.xml", tmp_path, running.address, agent=agent.port).check()
        outcome = agent.wait().check()
        assert re.search(r"Referred-By: <sip:qa@", outcome.messages)
        (record,) = running.ended()
        assert record["end_reason"] == "bot hung up"


def test_nobody_moves_the_bot_without_leave(tmp_path: Path, sip_backend: str) -> None:
    with bot(tmp_path / "bot", 9, flow=ASKS, backend=sip_backend) as running:
        sipp("uac_refer_refused.xml", tmp_path, running.address).check()
        assert "would allow it" in running.log()


def test_a_telephone_follows_a_refer(tmp_path: Path) -> None:
    phone = tmp_path / "phone"
    phone.mkdir()
    configure(phone, free_udp_ports(), bytes(16_000 * 8))
    with Sipp("uas_hangs_up.xml", tmp_path) as agent, bot(tmp_path / "bot", agent.port) as running:
        said = dials(f"sip:bot@{running.address}", phone, 8)
        outcome = agent.wait().check()
        assert outcome.received("INVITE") == 1, said
        (record,) = running.ended()
        assert record["end_reason"] == "transferred to desk"
