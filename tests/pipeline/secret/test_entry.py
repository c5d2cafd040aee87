"""The entry of a secret: what completes it, clears it, and is refused."""

from datetime import date

import pytest

from offhook.pipeline.secret.digits import SecretKeys
from offhook.pipeline.secret.entry import DIGITS_OF, SecretEntry, SecretKind, SecretOutcome, SecretRule

TODAY = date(2026, 11, 29)
ENTERED, NO_INPUT, NO_MATCH = SecretOutcome.ENTERED, SecretOutcome.NO_INPUT, SecretOutcome.NO_MATCH


def entry_of(kind: str, low: int = 0, high: int = 0) -> tuple[SecretEntry, SecretKeys]:
    keys = SecretKeys()
    least, most = DIGITS_OF[SecretKind(kind)]
    return SecretEntry(SecretRule(SecretKind(kind), low or least, high or most), keys, TODAY), keys


@pytest.mark.parametrize(
    ("kind", "keys", "outcome"),
    [
        ("card", "378282246310005", ENTERED),  # fifteen digits are all that this scheme has
        ("card", "4111111111111111", None),  # nineteen are possible
        ("card", "4111111111111111#", ENTERED),
        ("card", "4111111111111112#", NO_MATCH),
        ("card", "5555555555554445", NO_MATCH),
        ("card", "41*4111111111111111#", ENTERED),
        ("card", "#4111111111111111#", ENTERED),  # the first # belonged to what was before
        ("expiry", "1126", ENTERED),
        ("expiry", "1026", NO_MATCH),
        ("expiry", "1326", NO_MATCH),
        ("expiry", "0026", NO_MATCH),
        ("expiry", "0199", NO_MATCH),
        ("code", "123#", ENTERED),
        ("code", "1234", ENTERED),
        ("code", "12#", NO_MATCH),
        ("pin", "123#", NO_MATCH),
        ("pin", "1234#", ENTERED),
        ("digits", "A7B#", ENTERED),  # keys that no phone has
    ],
)
def test_what_is_keyed(kind: str, keys: str, outcome: SecretOutcome | None) -> None:
    entry, kept = entry_of(kind)
    for key in keys:
        entry.key(key, 0.0)
    assert entry.outcome is outcome
    assert (len(kept) == 0) is (outcome is NO_MATCH)
    if outcome is ENTERED:
        assert bytes(kept.octets()).decode() == "".join(filter(str.isdigit, keys.rpartition("*")[2]))
        assert entry.get_timer() is None


def test_a_pause_ends_it() -> None:
    entry, _ = entry_of("pin")
    for at, key in enumerate("1234"):
        entry.key(key, float(at))
    due = entry.get_timer()
    assert due == 3.0 + 4.0
    entry.handle_timer(due - 0.1)
    assert entry.outcome is None
    entry.handle_timer(due)
    assert entry.outcome is ENTERED


def test_nothing_is_keyed() -> None:
    entry, _ = entry_of("pin")
    entry.handle_timer(100.0)
    assert entry.get_timer() is None and entry.outcome is None  # the prompt may last
    entry.prompted(100.0)
    assert entry.get_timer() == 108.0
    entry.handle_timer(108.0)
    assert entry.outcome is NO_INPUT


def test_a_key_to_clear_is_nothing_where_there_is_nothing_to_clear() -> None:
    entry, _ = entry_of("pin")
    entry.key("*", 1.0)
    assert entry.get_timer() is None and not entry.has_begun
    entry.handle_timer(15.0)  # the prompt lasts
    assert entry.outcome is None
    entry.prompted(15.0)
    assert entry.get_timer() == 23.0


def test_an_entry_that_is_cleared_has_its_time_again() -> None:
    entry, kept = entry_of("pin")
    entry.key("4", 0.0)
    entry.key("*", 1.0)
    assert (entry.get_timer(), len(kept)) == (9.0, 0)
    entry.key("*", 8.0)
    assert entry.get_timer() == 16.0


def test_what_is_keyed_into_the_prompt_counts() -> None:
    entry, kept = entry_of("digits", 2, 2)
    entry.key("1", 0.0)
    entry.prompted(1.0)
    assert entry.get_timer() == 4.0
    entry.key("2", 2.0)
    entry.key("3", 2.5)
    assert entry.outcome is ENTERED and bytes(kept.octets()) == b"12"


def test_too_many_are_not_kept() -> None:
    entry, kept = entry_of("digits", 5, 19)
    for key in "1" * 19:
        entry.key(key, 0.0)
    assert entry.outcome is ENTERED and len(kept) == 19


@pytest.mark.parametrize(
    ("kind", "keys", "more"),
    [
        ("card", "378282246310006", 4),  # over at fifteen, as of a scheme that it may not have been meant for
        ("card", "378282246310005", 0),
        ("card", "4111111111111112#", 0),  # the caller has ended it
        ("expiry", "1326", 0),
    ],
)
def test_what_may_still_come_of_an_entry_that_is_wrong(kind: str, keys: str, more: int) -> None:
    entry, _ = entry_of(kind)
    for key in keys:
        entry.key(key, 0.0)
    assert (entry.outcome is not None, entry.more) == (True, more)


def test_much_may_come_of_an_entry_that_a_pause_has_ended() -> None:
    entry, _ = entry_of("card")
    for key in "41111111":
        entry.key(key, 0.0)
    entry.handle_timer(4.0)
    assert (entry.outcome, entry.more) == (NO_MATCH, 11)
