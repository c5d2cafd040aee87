"""What a Refer-To may put into our INVITE."""

import pytest

from offhook.carriers.call_target import MAX_HEADER_CHARS, MAX_HEADERS
from offhook.carriers.sip_move import wanted_headers
from offhook.sip.refer.refer_to import ReferTo


@pytest.mark.parametrize(
    "name", ["Replaces", "replaces", "User-to-User", "Subject", "Alert-Info", "Call-Info", "Priority", "X-Order"]
)
def test_may(name: str) -> None:
    assert wanted_headers(ReferTo.parse(f"<sip:a@b?{name}=1>")) == ((name, "1"),)


@pytest.mark.parametrize(
    "name",
    [
        "P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID", "Diversion", "History-Info", "Privacy",
        "Authorization", "Proxy-Authorization", "Content-Type", "Content-Length", "Require", "Proxy-Require",
        "Supported", "Allow", "Session-Expires", "Identity", "Referred-By", "Route", "From", "From%0d%0aX-A", "body",
        "f", "i", "", "X-A%20B",
    ],
)  # fmt: skip
def test_may_not(name: str) -> None:
    assert wanted_headers(ReferTo.parse(f"<sip:a@b?{name}=1&X-Order=2>")) == (("X-Order", "2"),)


def test_not_too_much() -> None:
    many = "&".join(f"X-{n}={n}" for n in range(30))
    assert len(wanted_headers(ReferTo.parse(f"<sip:a@b?{many}>"))) == MAX_HEADERS
    assert wanted_headers(ReferTo.parse(f"<sip:a@b?X-A={'a' * (MAX_HEADER_CHARS + 1)}>")) == ()
