"""Headers as a dialog sees them."""

from offhook.api.headers import CallHeaders

PAIRS = (("X-Account", "7"), ("Diversion", "<sip:a@h>"), ("diversion", "<sip:b@h>"))


def test_names_are_found_in_any_case() -> None:
    headers = CallHeaders(PAIRS)
    assert headers.get("x-account") == headers.get("X-ACCOUNT") == "7"
    assert headers.get_all("DIVERSION") == ["<sip:a@h>", "<sip:b@h>"]
    assert (headers.get("X-Other"), headers.get("X-Other", "none")) == (None, "none")


def test_the_pairs_are_kept_as_they_came() -> None:
    headers = CallHeaders(PAIRS)
    assert headers == PAIRS
    assert dict(headers)["X-Account"] == "7"
