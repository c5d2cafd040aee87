"""Card numbers: the schemes' own test numbers are right, and with any digit changed they are not."""

import pytest

from offhook.pipeline.secret.card import is_card_number, lengths_of, luhn_holds

RIGHT = (
    "4111111111111111",
    "4222222222222",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "6011111111111117",
    "3530111333300000",
    "6200000000000005",
)
"""The test numbers that the schemes and their processors publish."""


@pytest.mark.parametrize("number", RIGHT)
def test_right_ones(number: str) -> None:
    assert is_card_number(number.encode())


@pytest.mark.parametrize("number", RIGHT)
def test_a_wrong_digit_anywhere_is_found(number: str) -> None:
    for at, digit in enumerate(number):
        for other in "0123456789".replace(digit, ""):
            assert not luhn_holds(f"{number[:at]}{other}{number[at + 1 :]}".encode())


@pytest.mark.parametrize(
    ("begins", "lengths"), [("34", (15,)), ("52", (16,)), ("2720", (16,)), ("4", (13, 16, 19)), ("2721", range(12, 20))]
)
def test_the_lengths_of_a_scheme(begins: str, lengths: object) -> None:
    assert isinstance(lengths, tuple | range)
    assert lengths_of(begins.encode()) == tuple(lengths)


def test_the_length_counts() -> None:
    assert luhn_holds(b"41111111111111113"[:1] + b"0" * 13 + b"2") is luhn_holds(b"400000000000002")
    assert luhn_holds(b"400000000000006") and not is_card_number(b"400000000000006")  # Visa has none of 15 digits
    assert not is_card_number(b"")
