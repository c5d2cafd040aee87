import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.cseq import CSeq


@given(st.integers(0, 2**31 - 1), st.sampled_from(["INVITE", "BYE", "x-.!%*_+`'~"]))
def test_parse_of_print_is_the_value(number: int, method: str) -> None:
    assert CSeq.parse(str(CSeq(number, method))) == CSeq(number, method)


def test_leading_zeros_and_white_space() -> None:
    assert CSeq.parse(" 0009 \t INVITE ") == CSeq(9, "INVITE")


def test_the_method_keeps_its_case() -> None:
    assert CSeq.parse("1 invite").method == "invite"


@pytest.mark.parametrize(
    "text",
    ["", "1", "INVITE", "1INVITE", "-1 INVITE", "x INVITE", "1 A B", "1 <A>", f"{2**31} A", "36893488147419103232 A"],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        CSeq.parse(text)
