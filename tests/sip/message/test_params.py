import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.params import Params

NAMES = st.text("abcXYZ019-.!%*_+`'~", min_size=1, max_size=8)
VALUES = st.none() | st.text(st.characters(exclude_characters="\r\n"), max_size=12)


def test_names_are_the_same_in_any_case() -> None:
    params = Params.parse(";Branch=z9;LR")
    assert params["bRANCH"] == "z9"
    assert "lr" in params
    assert params["lr"] is None
    assert params.get("tag") is None
    assert list(params) == ["Branch", "LR"]


def test_white_space_and_quotes() -> None:
    params = Params.parse('; a = 1 ;\tb="x \\"y\\" ;z" ; c ')
    assert dict(params) == {"a": "1", "b": 'x "y" ;z', "c": None}


@pytest.mark.parametrize(
    "text",
    [";", ";;", ";a;", ";=b", "a", ";a b", ';a="b', ";a=b?c", ";a=b,c", ";a=<b>", ";tag=1;TAG=2", ";a=\x01", ";a=é"],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        Params.parse(text)


@pytest.mark.parametrize("text", [";ftag=", ";a=;b", ";a= "])
def test_an_empty_value_is_a_value(text: str) -> None:
    params = Params.parse(text)
    assert next(iter(params.values())) == ""
    assert Params.parse(str(params)) == params


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        (";thinfo=VG8PoIUY=", "thinfo", "VG8PoIUY="),
        (";lr;ftag=", "ftag", ""),
        (";a==;b", "a", "="),
        (";transport=udp;x=a=b", "x", "a=b"),
    ],
)
def test_values_of_a_uri_may_hold_an_equals_sign_or_nothing(text: str, name: str, value: str) -> None:
    params = Params.parse_uri(text)
    assert params[name] == value
    assert params.uri_text() == text


def test_there_is_a_limit() -> None:
    with pytest.raises(ParseError, match="too many"):
        Params.parse("".join(f";p{i}" for i in range(1_000)))


@given(st.dictionaries(NAMES, VALUES, max_size=6).filter(lambda d: len({k.lower() for k in d}) == len(d)))
def test_print_and_parse(values: dict[str, str | None]) -> None:
    params = Params(values.items())
    assert Params.parse(str(params)) == params
    assert list(Params.parse(str(params))) == list(params)


def test_copies_with_a_change() -> None:
    params = Params.parse(";rport;branch=x")
    assert str(params.with_("RPORT", "5")) == ";rport=5;branch=x"
    assert str(params.with_("received", "::1")) == ";rport;branch=x;received=::1"
    assert str(params) == ";rport;branch=x"


def test_equality_knows_no_order() -> None:
    assert Params.parse(";a=1;b") == Params.parse(";B;A=1")
    assert hash(Params.parse(";a=1;b")) == hash(Params.parse(";B;A=1"))
    assert Params.parse(";a=1") != Params.parse(";a=2")
    assert Params.parse(";a") != {"a": None}


def test_of_several_the_first_counts() -> None:
    params = Params.parse(";a=1;b;A=2")
    assert (params["a"], str(params)) == ("1", ";a=1;b;A=2")


@pytest.mark.parametrize("text", [";lr;%6C=v%61l", ";;lr", ";lr;", ';a="b";c={d}', ";a=%4", ";a;a=1"])
def test_parameters_of_a_uri_print_as_they_were(text: str) -> None:
    assert Params.parse_uri(text).uri_text() == text


@pytest.mark.parametrize("text", ["; lr", ";a= b", ";a=<b>", ";a=b@c", "lr"])
def test_parameters_that_would_break_a_uri(text: str) -> None:
    with pytest.raises(ParseError):
        Params.parse_uri(text)
