import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.telephony.errors import RemoteError, WireError
from offhook.telephony.wire.rtcp import (
    Bye,
    ExtendedReport,
    ReceiverReport,
    ReportBlock,
    RtcpPacket,
    SenderInfo,
    SenderReport,
    SourceDescription,
    VoipMetrics,
    build_compound,
    is_rtcp,
    parse_compound,
)

U32 = st.integers(0, 0xFFFFFFFF)
BLOCKS = st.lists(
    st.builds(ReportBlock, U32, st.integers(0, 255), st.integers(-0x800000, 0x7FFFFF), U32, U32, U32, U32),
    max_size=3,
).map(tuple)
SENDER_REPORTS = st.builds(SenderReport, U32, st.builds(SenderInfo, st.integers(0, 2**64 - 1), U32, U32, U32), BLOCKS)
RECEIVER_REPORTS = st.builds(ReceiverReport, U32, BLOCKS)
ITEMS = st.lists(st.tuples(st.integers(1, 8), st.binary(max_size=20)), max_size=3).map(tuple)
DESCRIPTIONS = st.builds(SourceDescription, st.lists(st.tuples(U32, ITEMS), max_size=3).map(tuple))
BYES = st.builds(Bye, st.lists(U32, max_size=3).map(tuple), st.none() | st.binary(max_size=20))
COMPOUNDS = st.tuples(
    SENDER_REPORTS | RECEIVER_REPORTS,
    st.lists(SENDER_REPORTS | RECEIVER_REPORTS | DESCRIPTIONS | BYES, max_size=3),
).map(lambda parts: (parts[0], *parts[1]))


@given(COMPOUNDS)
def test_parse_undoes_build(packets: tuple[RtcpPacket, ...]) -> None:
    data = build_compound(*packets)
    assert len(data) % 4 == 0
    assert parse_compound(data) == packets


@given(COMPOUNDS, st.data())
def test_a_truncated_compound_is_refused_or_ends_at_a_packet(
    packets: tuple[RtcpPacket, ...], data: st.DataObject
) -> None:
    whole = build_compound(*packets)
    cut = data.draw(st.integers(0, len(whole) - 1))
    try:
        read = parse_compound(whole[:cut])
    except RemoteError:
        return
    assert read == packets[: len(read)]
    assert len(read) < len(packets)


@given(st.binary(max_size=80), st.sampled_from([200, 201, 202, 203, 204, 207]), st.integers(0, 31))
def test_any_bytes_parse_or_raise_a_remote_error(body: bytes, kind: int, count: int) -> None:
    body = body[: len(body) // 4 * 4]
    second = bytes((0x80 | count, kind, 0, len(body) // 4)) + body
    for data in (body, second, build_compound(ReceiverReport(1)) + second):
        try:
            assert parse_compound(data)
        except RemoteError:
            continue


def test_sender_report_layout() -> None:
    data = bytes.fromhex(
        "81c8000c 00000001 0000000200000003 00000004 00000005 00000006"
        "00000007 80fffffe 00010008 00000009 0000000a 0000000b"
    )
    assert parse_compound(data) == (
        SenderReport(1, SenderInfo(0x2_0000_0003, 4, 5, 6), (ReportBlock(7, 128, -2, 0x10008, 9, 10, 11),)),
    )


def test_cname() -> None:
    data = build_compound(ReceiverReport(1), SourceDescription.of_cname(1, "bot@host"))
    assert parse_compound(data)[1] == SourceDescription(((1, ((1, b"bot@host"),)),))


def test_unknown_types_are_skipped() -> None:
    application = bytes.fromhex("80cc0002 00000001 41424344")
    assert parse_compound(build_compound(ReceiverReport(1)) + application) == (ReceiverReport(1),)


VOIP_METRICS = "07000008 0000002a 4020 0000 00000000 00780000 00000000 5d7f297f 00000000 00000000"


def test_voip_metrics_of_a_phone() -> None:
    data = bytes.fromhex("80cf000a 00000001" + VOIP_METRICS)
    (_, report) = parse_compound(build_compound(ReceiverReport(1)) + data)
    assert report == ExtendedReport(1, (VoipMetrics(42, 0.25, 0.125, 120, 93, 4.1, None),))


@pytest.mark.parametrize(
    "blocks",
    [
        "",
        "04000002 0000000000000000",  # another kind of block
        "07000007" + "00" * 28,  # voice metrics of another length
        "07000008 0000002a",  # ends too early
        "0700ffff",  # says that it goes on beyond the packet
    ],
)
def test_extended_reports_that_say_nothing_to_us_do_no_harm(blocks: str) -> None:
    body = bytes.fromhex("00000001" + blocks)
    data = bytes((0x80, 207, 0, len(body) // 4)) + body
    assert parse_compound(build_compound(ReceiverReport(1)) + data)[1] == ExtendedReport(1)


def test_extended_reports_are_not_written() -> None:
    with pytest.raises(ValueError, match="XR"):
        build_compound(ReceiverReport(1), ExtendedReport(1))


@pytest.mark.parametrize(
    ("datagram", "expected"),
    [
        ("80c8", True),
        ("81c9", True),
        ("80cf", True),
        ("8000", False),
        ("8080", False),
        ("80ff", False),
        ("80", False),
        ("", False),
    ],
)
def test_rtcp_is_distinguished_from_rtp_by_its_second_octet(datagram: str, expected: bool) -> None:
    assert is_rtcp(bytes.fromhex(datagram)) == expected


def test_profile_extensions_of_a_report_are_skipped() -> None:
    assert parse_compound(bytes.fromhex("80c90002 00000001 cafecafe")) == (ReceiverReport(1),)


def test_padding_at_the_end_is_taken_off() -> None:
    padded = bytes.fromhex("a1cb0002 00000001 00000004")
    assert parse_compound(build_compound(ReceiverReport(1)) + padded)[1] == Bye((1,))


@pytest.mark.parametrize(
    "data",
    [
        "",
        "80c9",
        "81ca000200000001 00000000",  # begins with SDES
        "80cb0000",  # begins with BYE
        "40c9000100000001",  # version 1
        "80c90002 00000001",  # longer than the datagram
        "80c90000",  # RR without SSRC
        "80c80002 00000001 00000000",  # SR without sender's information
        "81c90001 00000001",  # a report block that is not there
        "a0c90001 00000001 80c90001 00000001",  # padding, not in the last packet
        "80c90001 00000001 a0cb0001 00000003",  # padding of no whole word
        "80c90001 00000001 a0cb0001 00000008",  # padding of more than there is
        "80c90001 00000001 a0cb0000",  # padding in nothing
        "80c90001 00000001 82cb0001 00000001",  # BYE for two, one there
        "80c90001 00000001 80cb0001 04000000",  # BYE's reason beyond the end
        "80c90001 00000001 81ca0000",  # an SDES chunk that is not there
        "80c90001 00000001 81ca0001 00000001",  # a chunk without end
        "80c90001 00000001 81ca0002 00000001 01050000",  # an item beyond the end
        "80c90001 00000001 81ca0002 00000001 01026161",  # items without end
        "80c90001 00000001 80cf0000",  # XR without SSRC
        "80c90001 00000001 00",  # rubbish behind
    ],
)
def test_malformed_compounds_are_refused(data: str) -> None:
    with pytest.raises(WireError):
        parse_compound(bytes.fromhex(data))


def test_loss_beyond_24_bits_stays_at_the_end() -> None:
    data = build_compound(ReceiverReport(1, (ReportBlock(2, 0, 1 << 30, 0, 0, 0, 0),)))
    (report,) = parse_compound(data)
    assert isinstance(report, ReceiverReport)
    assert report.reports[0].lost == 0x7FFFFF


@pytest.mark.parametrize(
    "packets",
    [
        (),
        (Bye((1,)),),
        (ReceiverReport(1), Bye((1,), b"x" * 256)),
        (ReceiverReport(1), Bye((1,) * 32)),
    ],
)
def test_what_does_not_fit_is_not_built(packets: tuple[RtcpPacket, ...]) -> None:
    with pytest.raises(ValueError, match="RTCP"):
        build_compound(*packets)
