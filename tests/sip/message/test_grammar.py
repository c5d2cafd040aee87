import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import is_token, number, quote, split_list, unquote


@pytest.mark.parametrize("text", ["a", "INVITE", "x-.!%*_+`'~9"])
def test_tokens(text: str) -> None:
    assert is_token(text)


@pytest.mark.parametrize("text", ["", "a b", "a\x00", "a\n", "é", "a/b", "a:", '"a"', "a@b"])
def test_not_tokens(text: str) -> None:
    assert not is_token(text)


@given(st.text(st.characters(exclude_characters="\r\n")))
def test_quoting_is_undone_by_unquoting(text: str) -> None:
    assert unquote(quote(text)) == text


def test_a_control_octet_is_escaped() -> None:
    assert quote('a"b\\c\x00') == '"a\\"b\\\\c\\\x00"'


def test_numbers() -> None:
    assert number("0068", "x", 255) == 68


@pytest.mark.parametrize("text", ["", "-1", "+1", "1 ", "1.5", "٣", "1_0", "x"])
def test_not_numbers(text: str) -> None:
    with pytest.raises(ParseError, match="not a number"):
        number(text, "x", 255)


@pytest.mark.parametrize("text", ["256", "00000000001", "9" * 60_000])
def test_too_large_numbers(text: str) -> None:
    with pytest.raises(ParseError, match="too large"):
        number(text, "x", 255)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", []),
        (" \t", []),
        (" a ", ["a"]),
        ("a,b , c", ["a", "b", "c"]),
        ("a,", ["a"]),
        (",a", ["a"]),
        ("a, ,b", ["a", "b"]),
        ("," * 60_000, []),
        ('"x, y" <sip:a@b>,<sip:c,d@e>;p="q,\\",r"', ['"x, y" <sip:a@b>', '<sip:c,d@e>;p="q,\\",r"']),
    ],
)
def test_a_list_is_split_at_its_own_commas_only(text: str, values: list[str]) -> None:
    assert split_list(text, "x", 8) == values


@pytest.mark.parametrize("text", ['a,"b', "a,<b", '",' * 30_000 + '"', "<," * 9])
def test_a_list_with_open_ends_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        split_list(text, "x", 8)


def test_a_list_has_a_limit() -> None:
    assert len(split_list("a,b,c", "x", 3)) == 3
    with pytest.raises(ParseError, match="too many"):
        split_list("a,b,c,d", "x", 3)
