"""Test calls to far ends with one fault each."""

import pytest

from offhook.cli.checks.finding import Level
from offhook.cli.trunk_check.sdp import Description, faults
from offhook.testing.udp import UdpPort
from tests.offhook.cli.trunk_check.conftest import NUMBER, Check
from tests.offhook.cli.trunk_check.far_end import FarEnd, sdp


async def test_a_call_that_is_well(far: FarEnd, check: Check) -> None:
    far.ask_password()
    found = await check(NUMBER)
    assert found.status == 0, found.text()
    assert "200 after" in found.of("invite")[0].problem.what
    assert "PCMU, TELEPHONE-EVENT" in found.of("sdp")[0].problem.what
    media = found.of("media")[0]
    assert f"PCMU comes from {far.media.address[0]}:{far.media.address[1]}" in media.problem.what
    assert media.details["lost"] == 0
    assert found.of("bye")[0].level is Level.OK
    assert far.heard > 10, "beeps for the one who answers"
    assert [each.method for each in far.requests][-2:] == ["ACK", "BYE"]


async def test_early_media(far: FarEnd, check: Check) -> None:
    far.invite = (100, 183, 200)
    found = await check(NUMBER)
    assert "183 after" in found.of("invite")[0].problem.what
    assert "with early media" in found.of("invite")[0].problem.what
    assert "before the answer" in found.of("media")[0].problem.what


async def test_no_media_comes_back(far: FarEnd, check: Check) -> None:
    far.sends = False
    found = await check(NUMBER, rtp={"port_min": 21_000, "port_max": 21_099})
    assert found.status == 1
    assert "UDP 21000-21099" in found.problem("no media comes back").problem.todo


async def test_media_from_another_address(far: FarEnd, check: Check) -> None:
    far.media_source = UdpPort(("127.0.0.2", 0), lambda *_: None)
    found = await check(NUMBER)
    assert found.status == 1
    problem = found.problem("none of it can be used").problem
    assert f"127.0.0.2:{far.media_source.address[1]}" in problem.what
    assert "its SDP names 127.0.0.1" in problem.why


async def test_a_private_address_in_sdp(far: FarEnd, check: Check) -> None:
    far.sdp = sdp(far.media.address[1], "10.9.8.7")
    found = await check(NUMBER)
    assert "a private address" in found.problem("wants its media at 10.9.8.7").problem.what


def test_private_and_public_addresses_in_sdp() -> None:
    def whats(host: str, signalling: str) -> list[str]:
        found = Description.of(sdp(4_000, host))
        assert found is not None
        return [each.what for each in faults(found, signalling, None, "off")]

    assert whats("192.168.1.5", "203.0.113.1") == ["the far end wants its media at 192.168.1.5, a private address"]
    assert whats("0.0.0.0", "203.0.113.1") == ["the answer has no address for media (0.0.0.0)"]
    assert not whats("198.51.100.7", "203.0.113.1"), "media servers of their own are usual"
    assert not whats("192.168.1.5", "192.168.1.1")


@pytest.mark.parametrize(
    ("status", "why", "todo"),
    [
        (488, "it takes none of PCMU, PCMA", "`codecs ="),
        (403, "not allowed there", "`caller_id`"),
        (404, "`number_format` is e164", "`number_format`"),
        (503, "fault or is full", "try again"),
        (420, "an extension of SIP", "`session_timer`"),
    ],
)
async def test_refusals_are_explained(far: FarEnd, check: Check, status: int, why: str, todo: str) -> None:
    far.invite = (100, status)
    found = await check(NUMBER)
    assert found.status == 1
    problem = found.problem(f"was refused: {status}").problem
    assert why in problem.why
    assert todo in problem.todo


async def test_a_warning_of_the_far_end_is_shown(far: FarEnd, check: Check) -> None:
    far.invite, far.invite_headers = (100, 488), [("Warning", '304 pbx "G.729 only"')]
    found = await check(NUMBER)
    assert "G.729 only" in found.problem("was refused: 488").problem.why


async def test_a_busy_phone_is_not_the_trunks_fault(far: FarEnd, check: Check) -> None:
    far.invite = (100, 180, 486)
    found = await check(NUMBER)
    assert found.status == 0
    assert found.problem("was refused: 486").level is Level.WARNING


async def test_a_wrong_password_in_a_call(far: FarEnd, check: Check) -> None:
    far.ask_password()
    found = await check(NUMBER, password="another")
    assert "the password for bot is wrong" in found.problem("was refused: 401").problem.why


async def test_no_answer_to_invite(far: FarEnd, check: Check) -> None:
    far.invite = ()
    found = await check(NUMBER)
    assert found.status == 1
    assert found.problem("does not answer INVITE").level is Level.MACHINE


async def test_ringing_without_end_is_cancelled(far: FarEnd, check: Check) -> None:
    far.invite, far.repeats_s = (100, 180), 0.01
    found = await check(NUMBER, ring_s=0.5)
    assert found.status == 0
    assert found.problem("did not answer within 0.5 s").level is Level.WARNING
    assert far.of("CANCEL")


async def test_a_contact_that_cannot_be_reached(far: FarEnd, check: Check) -> None:
    far.contact, far.repeats_s = "<sip:qa@127.0.0.1:9>", 0.5
    found = await check(NUMBER)
    assert found.status == 1
    assert "<sip:qa@127.0.0.1:9>" in found.problem("does not get our ACK").problem.todo
    assert found.problem("does not answer BYE").level is Level.MACHINE


@pytest.mark.parametrize("status", [481, 407, 100])
async def test_a_bye_that_is_not_confirmed(far: FarEnd, check: Check, status: int) -> None:
    far.bye = status
    found = await check(NUMBER)
    assert found.status == 1
    problem = found.problem(f"refuses BYE: {status}" if status >= 200 else "does not answer BYE")
    assert problem.level is Level.MACHINE
    assert "Contact" in problem.problem.todo


@pytest.mark.parametrize(
    "answer",
    [
        b"v=0\r\n" + b"a=x\r\n" * 11_000,
        b"no description",
        sdp(4_000, formats="18 101"),
        sdp(0),
        sdp(4_000, "media.example.com"),
        b"v=0\r\nc=IN IP4 127.0.0.1\r\n" + b"m=audio 4000 RTP/AVP 0\r\n" * 400,
    ],
    ids=["giant", "none", "G.729", "refused", "name", "many"],
)
async def test_descriptions_that_cannot_be_used(far: FarEnd, check: Check, answer: bytes) -> None:
    far.sdp = answer
    found = await check(NUMBER)
    assert found.status == 1
    assert found.problem("the answer cannot be used").level is Level.MACHINE
    assert far.of("BYE")


async def test_media_that_passes_one_way(far: FarEnd, check: Check) -> None:
    far.sdp = sdp(far.media.address[1], "127.0.0.1", "0", "a=recvonly")
    far.sends = False
    found = await check(NUMBER)
    assert found.problem("the answer is recvonly").level is Level.WARNING
    assert "keys are not sent as RTP events" in found.text()


async def test_keys_in_sdp_are_not_sent_without_tls(far: FarEnd, check: Check) -> None:
    found = await check(NUMBER, rtp={"srtp": "required"})
    assert found.status == 1
    assert '`transport = "tls"`' in found.problem("no call is placed").problem.todo
    assert not far.of("INVITE")
