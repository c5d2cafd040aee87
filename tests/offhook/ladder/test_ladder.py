"""Ladders of whole calls: arrows, states, media, legs, and what a hostile far end writes."""

from dataclasses import asdict
from typing import Any

import pytest

from offhook.ladder.kept import Bounds, KeptMessages
from offhook.ladder.ladder import MAX_PEERS, MediaBar, Step, ladder_of, step_of
from offhook.ladder.message import summary_of
from offhook.ladder.text import live_line, render
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Transport
from tests.offhook.ladder.wire import CALLER, flow, message, sdp

AGENT = Address("198.51.100.9", 5060)


def trace(*messages: tuple[float, bool, bytes], call_id: str = "one", peer: Address = CALLER) -> dict[str, Any]:
    kept = KeptMessages(call_id, Bounds())
    for at_s, received, data in messages:
        kept.add(at_s, data, flow(peer), received)
    return kept.to_dict()


ANSWER = sdp("192.0.2.1", 30_000)
CALL = (
    (10.0, True, message("INVITE sip:+15551234567@192.0.2.1 SIP/2.0", body=sdp())),
    (10.001, False, message("SIP/2.0 100 Trying")),
    (10.002, False, message("SIP/2.0 180 Ringing")),
    (10.1, False, message("SIP/2.0 200 OK", body=ANSWER)),
    (10.6, False, message("SIP/2.0 200 OK", body=ANSWER)),
    (10.7, True, message("ACK sip:a SIP/2.0", cseq="1 ACK")),
    (12.0, True, message("INVITE sip:a SIP/2.0", cseq="2 INVITE", body=sdp("192.0.2.7", 4000, "a=sendonly"))),
    (12.1, False, message("SIP/2.0 200 OK", cseq="2 INVITE", body=sdp("192.0.2.1", 30_000, "a=recvonly"))),
    (14.0, True, message("BYE sip:a SIP/2.0", 'Reason: Q.850;cause=16;text="clear"', cseq="3 BYE")),
    (14.001, False, message("SIP/2.0 200 OK", cseq="3 BYE")),
)


def test_a_call() -> None:
    record = {"one": {"rtp": {"packets_received": 190.0, "packets_sent": 200.0, "lost": 2.0, "mos": 4.31}, "keys": 3}}
    ladder = ladder_of([trace(*CALL)], record)
    assert ladder.columns == ["192.0.2.7:5070", "offhook"]
    rows = [(row["at_ms"], row["label"], row.get("state", "")) for row in ladder.to_dict()["rows"]]
    assert rows == [
        (0.0, "INVITE +15551234567", "calling"),
        (1.0, "100 Trying", "trying"),
        (2.0, "180 Ringing", "ringing"),
        (100.0, "200 OK", "answered"),
        (100.0, "RTP PCMU", ""),
        (700.0, "ACK", "confirmed"),
        (2000.0, "INVITE a", "held"),
        (2100.0, "200 OK", "answered"),
        (4000.0, 'BYE (Q.850;cause=16;text="clear")', "ending"),
        (4001.0, "200 OK", "ended"),
    ]
    (media,) = [row for row in ladder.to_dict()["rows"] if row["kind"] == "media"]
    assert media["addresses"] == "192.0.2.7:4000 ⇄ 192.0.2.1:30000" and media["to_ms"] == 4000.0
    assert media["figures"] == "190 in, 200 out, 2 lost, MOS 4.3, 3 keys"
    answer = ladder.to_dict()["rows"][3]
    assert (answer["again"], answer["last_ms"], answer["sdp"]) == (1, 600.0, "PCMU,PCMA+events 192.0.2.1:30000")


def test_media_that_moves_has_a_bar_for_each_place() -> None:
    moved = sdp("192.0.2.8", 4100)
    more = [
        (13.0, True, message("INVITE sip:a SIP/2.0", cseq="4 INVITE", body=moved)),
        (13.1, False, message("SIP/2.0 200 OK", cseq="4 INVITE", body=ANSWER)),
    ]
    rows = ladder_of([trace(*CALL[:6], *more)]).to_dict()["rows"]
    bars = [(row["addresses"], row["to_ms"]) for row in rows if row["kind"] == "media"]
    assert bars == [("192.0.2.7:4000 ⇄ 192.0.2.1:30000", 3100.0), ("192.0.2.8:4100 ⇄ 192.0.2.1:30000", None)]


def test_an_offer_in_the_200_is_answered_by_the_ack() -> None:
    rows = ladder_of(
        [
            trace(
                (1.0, True, message("INVITE sip:a SIP/2.0")),
                (1.1, False, message("SIP/2.0 200 OK", body=ANSWER)),
                (1.2, True, message("ACK sip:a SIP/2.0", cseq="1 ACK", body=sdp())),
            )
        ]
    ).to_dict()["rows"]
    assert [row["at_ms"] for row in rows if row["kind"] == "media"] == [200.0]


def test_a_transfer_has_its_legs_in_one_ladder() -> None:
    leg = trace(
        (11.0, False, message("INVITE sip:agent@198.51.100.9 SIP/2.0", call_id="two", body=sdp())),
        (11.5, True, message("SIP/2.0 486 Busy Here", call_id="two")),
        call_id="two",
        peer=AGENT,
    )
    ladder = ladder_of([leg, trace(*CALL)])
    assert ladder.columns == ["192.0.2.7:5070", "offhook", "198.51.100.9:5060"]
    assert ladder.legs == ["one", "two"]
    of_leg = [(row.source, row.target, getattr(row, "state", "")) for row in ladder.rows if row.leg == 1]
    assert of_leg == [(1, 2, "calling"), (2, 1, "busy")]
    shown = "\n".join(render(ladder.to_dict(), width=160))
    assert "(2) 1 INVITE  [busy]" in shown and "198.51.100.9:5060" in shown


def test_a_registration() -> None:
    fields = ("Contact: <sip:bot@192.0.2.1>;expires=600",)
    rows = ladder_of(
        [
            trace(
                (1.0, False, message("REGISTER sip:b SIP/2.0", cseq="1 REGISTER")),
                (1.1, True, message("SIP/2.0 401 Unauthorized", cseq="1 REGISTER")),
                (1.2, False, message("REGISTER sip:b SIP/2.0", cseq="2 REGISTER")),
                (1.3, True, message("SIP/2.0 200 OK", *fields, cseq="2 REGISTER")),
                (9.0, False, message("REGISTER sip:b SIP/2.0", "Expires: 0", cseq="3 REGISTER")),
            )
        ]
    ).to_dict()["rows"]
    assert [row["state"] for row in rows] == [
        "registering",
        "challenged",
        "registering",
        "registered 600 s",
        "unregistering",
    ]


@pytest.mark.parametrize(
    ("data", "label", "state"),
    [
        (message("REFER sip:a SIP/2.0", "Refer-To: <sip:x@y>", cseq="2 REFER"), "REFER → sip:x@y", "transferring"),
        (
            message("NOTIFY sip:a SIP/2.0", cseq="3 NOTIFY", body="SIP/2.0 180 Ringing\r\n"),
            "NOTIFY 180 Ringing",
            "transfer: 180 Ringing",
        ),
        (message("INFO sip:a SIP/2.0", cseq="4 INFO", body="Signal=*\r\n"), "INFO key", ""),
        (message("SIP/2.0 183 Progress", body=ANSWER), "183 Progress", "early media"),
        (message("SIP/2.0 302 Moved"), "302 Moved", "redirected"),
        (message("SIP/2.0 488 No"), "488 No", "refused 488"),
        (message("CANCEL sip:a SIP/2.0", cseq="1 CANCEL"), "CANCEL", "cancelling"),
    ],
)
def test_what_a_message_means(data: bytes, label: str, state: str) -> None:
    found = summary_of(data.decode())
    assert (found.label, found.state) == (label, state)


def test_encrypted_media_is_said_to_be() -> None:
    keys = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc"
    found = summary_of(message("INVITE sip:a SIP/2.0", body=sdp("::1", 4000, keys, protocol="RTP/SAVP")).decode())
    assert found.sdp is not None and found.sdp.text == "PCMU,PCMA+events [::1]:4000 SRTP"


def test_no_control_character_reaches_a_terminal() -> None:
    bad = "\x1b]0;x\x07\x9b2J\u202e"
    data = message(f"INVITE sip:{bad}@a SIP/2.0", f"Reason: {bad}", call_id=f"{bad}", cseq=f"1 {bad}", body=bad)
    hostile = trace((1.0, True, data), (1.1, False, message(f"SIP/2.0 486 {bad}")), call_id=bad)
    ladder = ladder_of([hostile])
    shown = "\n".join(render(ladder.to_dict(), messages=True)) + live_line(
        asdict(step_of(hostile["messages"][1])), "peer", "id", "12:00"
    )
    assert not [char for char in shown if not char.isprintable() and char != "\n"]


@pytest.mark.parametrize(("ended_s", "to_ms"), [(None, None), (15.0, 5_000.0), (9.0, 100.0)])
def test_media_end_with_the_call_even_without_a_bye(ended_s: float | None, to_ms: float | None) -> None:
    ladder = ladder_of([trace(*CALL[:6])], {"one": {"rtp": {}, "keys": 0, "ended_s": ended_s}})
    (media,) = [row for row in ladder.rows if isinstance(row, MediaBar)]
    assert media.to_ms == to_ms
    assert ladder_of([trace(*CALL[:2])], {"one": {"ended_s": 15.0}}).rows


def test_many_peers_share_a_column() -> None:
    traces = [
        trace((n, True, message("OPTIONS sip:a SIP/2.0", call_id=f"{n}")), call_id=f"{n}", peer=Address("192.0.2.9", n))
        for n in range(1, 30)
    ]
    ladder = ladder_of(traces)
    assert len(ladder.columns) <= MAX_PEERS + 2 and ladder.columns[-1] == "others"
    render(ladder.to_dict())


def test_the_ports_of_connections_are_one_peer() -> None:
    kept = KeptMessages("one", Bounds())
    for port in (40_001, 40_002):
        data = message("OPTIONS sip:a SIP/2.0", cseq=f"{port} OPTIONS")
        kept.add(1.0, data, flow(Address("192.0.2.9", port), Transport.TLS), True)
    assert ladder_of([kept.to_dict()]).columns == ["192.0.2.9/TLS", "offhook"]


def test_nothing_and_nonsense() -> None:
    assert render(ladder_of([]).to_dict()) == ["no message was kept"]
    assert summary_of("").label == "?"
    assert summary_of("\xff nonsense\r\nCSeq:\r\n\r\nv=0\r\nm=audio\r\n").sdp is None


def test_lines_are_as_wide_as_asked_for_and_coloured_on_request() -> None:
    plain, coloured = (render(ladder_of([trace(*CALL)]).to_dict(), width=110, colour=each) for each in (False, True))
    assert "\x1b[" not in "".join(plain) and "\x1b[36m" in "".join(coloured)
    arrows = {line.index("│", 12) for line in plain[3:]}
    assert len(arrows) == 1  # all end in the same column


def test_a_ladder_of_others() -> None:
    """Of a capture, which is nobody's: each address has a column, the caller's first."""
    for caller_is_peer in (True, False):
        messages = [(at_s, received is caller_is_peer, data) for at_s, received, data in CALL]
        ladder = ladder_of([trace(*messages)], us="")
        assert ladder.columns == ["192.0.2.7:5070", "192.0.2.1:5060"][:: 1 if caller_is_peer else -1]
        assert [(row.source, row.target) for row in ladder.rows if isinstance(row, Step)][:2] == [(0, 1), (1, 0)]
        assert sum(isinstance(row, MediaBar) for row in ladder.rows) == 1
