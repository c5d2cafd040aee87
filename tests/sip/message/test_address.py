import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.sip.errors import ParseError
from offhook.sip.message.address import NameAddr
from offhook.sip.message.params import Params
from offhook.sip.message.uri import Uri


def test_parameters_go_to_the_header_without_brackets_and_to_the_uri_with() -> None:
    bare = NameAddr.parse("sip:a@b;unknown")
    assert ("unknown" in bare.params, "unknown" in bare.uri.params) == (True, False)
    bracketed = NameAddr.parse("<sip:a@b;unknown>;q=1")
    assert ("unknown" in bracketed.params, "unknown" in bracketed.uri.params) == (False, True)
    assert bracketed.params["q"] == "1"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<sip:a@b>", ""),
        ("caller<sip:a@b>", "caller"),
        ("  Ann  B. Lee <sip:a@b>", "Ann  B. Lee"),
        ('"Lee, Ann \\"X\\" \\\\"<sip:a@b>', 'Lee, Ann "X" \\'),
        ('"" <sip:a@b>', ""),
        ('"NUL:\\\x00 DEL:\\\x7f" <sip:a@b>', "NUL:\x00 DEL:\x7f"),
        ("Zoë <sip:a@b>", "Zoë"),
        ("+1 (555) 123-4567 <sip:a@b>", "+1 (555) 123-4567"),
        ("ann@example.com <sip:a@b>", "ann@example.com"),
        ("A/B: C; D <sip:a@b>", "A/B: C; D"),
        ('"\udce9" <sip:a@b>', "\udce9"),
        ("sip:a@b", ""),
    ],
)
def test_display_names(text: str, name: str) -> None:
    value = NameAddr.parse(text)
    assert value.display_name == name
    assert NameAddr.parse(str(value)) == value


def test_white_space_round_the_parameters() -> None:
    value = NameAddr.parse('"Ann"   <sip:a@b> ;  tag = x ; +sip.instance="<urn:uuid:1>" ')
    assert value.tag == "x"
    assert value.params["+sip.instance"] == "<urn:uuid:1>"


def test_a_quoted_parameter_may_hold_brackets() -> None:
    assert NameAddr.parse('sip:a@b;x="<y>"').params["x"] == "<y>"


def test_tags() -> None:
    value = NameAddr.parse("<sip:a@b>;x=1")
    assert value.tag is None
    assert str(value.with_tag("t")) == "<sip:a@b>;x=1;tag=t"
    assert value.with_tag("t").with_tag("u").tag == "u"


def test_schemes_that_are_not_sip() -> None:
    assert NameAddr.parse("<http://www.example.com>;tag=1").uri.scheme == "http"
    assert NameAddr.parse("isbn:2983792873").uri.opaque == "2983792873"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "Bell, Alexander <sip:a@b>",
        '"Mr. J. User <sip:a@b>',
        '"a\x00" <sip:a@b>',
        "< sip:a@b >",
        "<sip:a@b",
        "sip:a@b>",
        "<sip:a@b>>",
        "<<sip:a@b>>",
        "<sip:a@b> x",
        "<sip:a@b>;;",
        "<>",
        "x\x01 <sip:a@b>",
        "sip:a@b?Route=%3Csip:c%3E",
        "sip:a,b@c",
        '"Ann" sip:a@b',
        "<sip:a@b>;tag=1;tag=2",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        NameAddr.parse(text)


@given(st.text(st.characters(exclude_characters="\r\n")), st.none() | st.text("abc019.-", min_size=1))
def test_parse_of_print_is_the_value(name: str, tag: str | None) -> None:
    value = NameAddr(name, Uri.parse("sip:a@b;lr"), Params([] if tag is None else [("tag", tag)]))
    assert NameAddr.parse(str(value)) == value
