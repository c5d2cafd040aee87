"""From whom a call over PJSIP takes RTP."""

from offhook.carriers.pjsua2.media_source import LOOKS, MediaSource

PHONE, NAT, STRANGER = "192.0.2.1:4000", "192.0.2.7:31000", "192.0.2.66:6666"


def test_who_sends_from_where_they_said_is_kept_at_once() -> None:
    source = MediaSource()
    assert source.look("", PHONE, 0) == ""
    assert source.look(PHONE, PHONE, 50) == PHONE
    assert source.kept == PHONE
    assert source.look(STRANGER, PHONE, 100) == ""
    assert source.kept == PHONE


def test_another_source_is_kept_once_it_has_been_the_only_one_for_a_while() -> None:
    source = MediaSource()
    assert [source.look(NAT, PHONE, 50 * each) for each in range(1, LOOKS + 1)] == [""] * (LOOKS - 1) + [NAT]


def test_another_source_that_is_not_alone_is_not_kept() -> None:
    source = MediaSource()
    seen = [NAT, NAT, STRANGER, NAT, NAT, STRANGER]
    assert [source.look(each, PHONE, 50 * at) for at, each in enumerate(seen, 1)] == [""] * len(seen)
    assert source.look(PHONE, PHONE, 1_000) == PHONE


def test_silence_is_no_sign_of_anybody() -> None:
    source = MediaSource()
    assert [source.look(NAT, PHONE, 50) for _ in range(2 * LOOKS)] == [""] * 2 * LOOKS


def test_an_offer_opens_the_call_for_others_again() -> None:
    source = MediaSource()
    source.look(PHONE, PHONE, 50)
    source.described_anew()
    assert source.kept == ""
    assert source.look(NAT, NAT, 100) == NAT
