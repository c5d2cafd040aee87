"""The keys of a secret show themselves to nobody, and leave nothing behind."""

import copy
import pickle

import pytest

from offhook.pipeline.secret.digits import MAX_KEYS, SecretKeys


def keys_of(text: str) -> SecretKeys:
    keys = SecretKeys()
    assert all(keys.append(each) for each in text)
    return keys


def test_what_is_shown_of_them() -> None:
    keys = keys_of("4711")
    assert bytes(keys.octets()) == b"4711" and len(keys) == 4
    shown = f"{keys} {keys!r} {[keys]} {keys:}"
    assert "4" not in shown and "7" not in shown


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_no_copies(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError, match="neither copied nor pickled"):
        copied(keys_of("4711"))


def test_they_are_overwritten_where_they_are() -> None:
    keys = keys_of("4711")
    where = keys.octets()
    keys.wipe()
    assert bytes(where) == bytes(4) and len(keys) == 0
    assert keys.append("5") and bytes(keys.octets()) == b"5"


def test_no_more_than_there_is_room_for() -> None:
    keys = keys_of("1" * MAX_KEYS)
    assert not keys.append("2") and len(keys) == MAX_KEYS


def test_they_are_taken_in_their_order_and_overwritten() -> None:
    keys = keys_of("12#")
    where = keys.octets()
    assert [keys.take_first() for _ in range(3)] == ["1", "2", "#"]
    assert bytes(where) == bytes(3)
    with pytest.raises(IndexError):
        keys.take_first()
    assert keys.append("9") and bytes(keys.octets()) == b"9"
