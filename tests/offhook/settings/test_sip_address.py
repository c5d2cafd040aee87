"""What lists are compared with is what is called."""

import pytest

from offhook.settings.sip_address import SipAddress
from offhook.usererror import UserError


@pytest.mark.parametrize(
    ("given", "name", "called"),
    [
        ("sip:100@192.0.2.7", "100@192.0.2.7", "sip:100@192.0.2.7"),
        ("sip:100@PBX.example.com.:5070", "100@pbx.example.com", "sip:100@pbx.example.com:5070"),
        ("sips:a@b.example;transport=TCP", "a@b.example", "sips:a@b.example;transport=tcp"),
        ("sip:a@b;user=phone;transport=tcp;lr;method=BYE", "a@b", "sip:a@b;transport=tcp"),
        ("sip:%31%30%30@b", "100@b", "sip:100@b"),
        ("sip:*72%23@b", "*72#@b", "sip:*72%23@b"),
        ("sip:*72#@b", "*72#@b", "sip:*72%23@b"),
        ("sip:[2001:DB8::1]:5070", "@[2001:db8::1]", "sip:[2001:db8::1]:5070"),
    ],
)
def test_the_parts_that_are_called(given: str, name: str, called: str) -> None:
    address = SipAddress.parse(given)
    assert (address.name, str(address)) == (name, called)
    assert SipAddress.parse(called) == address


@pytest.mark.parametrize(
    "given",
    [
        "sip:a@b;maddr=192.0.2.66",
        "sip:a@b;MADDR=192.0.2.66",
        "sip:a:secret@b",
        "sip:a@b?Replaces=x",
        "sip:+15550000000;rn=+19005550199;npdi@b",
        "sip:200%3Brn=+19005550199@b",
        "sip:200?x@b",
        "sip:200%3Fx@b",
        "sip:200%40other@b",
        "sip:200%3A@b",
        "sip:a%0d%0aX@b",
        "sip:\udcff@b",
        "sip:a@b;transport=carrier-pigeon",
        "tel:+15550000000",
        "mailto:a@b",
    ],
)
def test_what_would_be_called_without_having_been_judged(given: str) -> None:
    with pytest.raises(UserError, match="cannot be called"):
        SipAddress.parse(given)
