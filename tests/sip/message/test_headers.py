from collections.abc import Callable

import pytest

from offhook.sip.errors import LocalError
from offhook.sip.message.headers import Headers


def test_a_field_is_found_in_any_case_and_by_its_letter() -> None:
    headers = Headers([("TO", "a"), ("v", "b"), ("X-Own", "c")])
    assert (headers.get("to"), headers.get("t"), headers.get("VIA"), headers.get("x-own")) == ("a", "a", "b", "c")
    assert "f" not in headers
    assert "V" in headers
    assert list(headers) == [("TO", "a"), ("Via", "b"), ("X-Own", "c")]


@pytest.mark.parametrize(
    ("letter", "name"),
    [
        *[("v", "Via"), ("f", "From"), ("t", "To"), ("i", "Call-ID"), ("m", "Contact"), ("l", "Content-Length")],
        *[("c", "Content-Type"), ("k", "Supported"), ("e", "Content-Encoding"), ("s", "Subject"), ("o", "Event")],
        *[("r", "Refer-To"), ("u", "Allow-Events"), ("b", "Referred-By"), ("j", "Reject-Contact")],
        *[("y", "Identity"), ("x", "Session-Expires"), ("d", "Request-Disposition"), ("a", "Accept-Contact")],
        *[("n", "Identity-Info")],
    ],
)
def test_compact_forms(letter: str, name: str) -> None:
    assert list(Headers([(letter.upper(), "1")])) == [(name, "1")]


def test_order_and_repetition() -> None:
    headers = Headers([("Via", "1"), ("To", "x"), ("v", "2")])
    assert headers.get("Via") == "1"
    assert headers.get_all("Via") == ["1", "2"]
    assert headers.get_all("Route") == []
    assert len(headers) == 3


def test_set_replaces_all_in_the_place_of_the_first() -> None:
    headers = Headers([("Via", "1"), ("To", "x"), ("v", "2")])
    headers.set("VIA", "3")
    headers.set("From", "y")
    assert list(headers) == [("VIA", "3"), ("To", "x"), ("From", "y")]


def test_fields_of_another_message() -> None:
    other = Headers([("v", "1"), ("To", "x"), ("VIA", "2")])
    headers = Headers([("From", "y")])
    headers.add_from(other, "Via")
    headers.add_from(other, "Route")
    headers.add_from(other, "Via", at_most=1)
    assert list(headers) == [("From", "y"), ("Via", "1"), ("Via", "2"), ("Via", "1")]
    assert headers.lines() == ["From: y", "Via: 1", "Via: 2", "Via: 1"]


def test_every_change_is_seen_by_the_next_look() -> None:
    headers = Headers([("Via", "1")])
    assert headers.get("Via") == "1"
    headers.add("v", "2")
    assert headers.get_all("Via") == ["1", "2"]
    headers.set("Via", "3")
    assert headers.get_all("Via") == ["3"]
    headers.add_from(Headers([("Via", "4")]), "Via")
    assert headers.get_all("Via") == ["3", "4"]
    headers.get_all("Via").append("5")
    assert headers.get_all("Via") == ["3", "4"]
    headers.remove("Via")
    assert headers.get("Via") is None
    assert "Via" not in headers


def test_what_was_made_of_them_is_forgotten_with_every_change() -> None:
    changes: list[Callable[[Headers], None]] = [
        lambda headers: headers.add("Via", "a"),
        lambda headers: headers.set("To", "b"),
        lambda headers: headers.remove("To"),
        lambda headers: headers.add_from(Headers([("Via", "c")]), "Via"),
    ]
    for change in changes:
        headers = Headers([("To", "a")])
        headers.parsed["to"] = "made without a look"
        change(headers)
        assert not headers.parsed


def test_remove() -> None:
    headers = Headers([("Via", "1"), ("To", "x"), ("v", "2")])
    headers.remove("via")
    headers.remove("Route")
    assert list(headers) == [("To", "x")]


def test_a_copy_is_independent() -> None:
    headers = Headers([("To", "x")])
    copy = headers.copy()
    copy.add("From", "y")
    assert len(headers) == 1
    assert copy != headers


def test_equality() -> None:
    assert Headers([("t", "x")]) == Headers([("TO", " x ")])
    assert Headers([("t", "x")]) != Headers([("t", "X")])
    assert Headers([("a", "1"), ("b", "2")]) != Headers([("b", "2"), ("a", "1")])
    assert Headers() != []


@pytest.mark.parametrize("name", ["", "To:", "T o", "To\x00", "Tö", "To\r\nX"])
def test_a_name_that_would_break_the_message_is_refused(name: str) -> None:
    with pytest.raises(LocalError):
        Headers().add(name, "x")


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "\rb"])
def test_a_value_that_would_break_the_message_is_refused(value: str) -> None:
    headers = Headers()
    with pytest.raises(LocalError):
        headers.add("To", value)
    with pytest.raises(LocalError):
        headers.set("To", value)
    assert len(headers) == 0
