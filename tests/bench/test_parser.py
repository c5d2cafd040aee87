"""The messages of `bench.parser` are ones that a user agent takes."""

from bench.parser import libraries, measure, messages
from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse


def test_each_message_is_valid_and_another_one() -> None:
    made = messages(40)
    assert len(set(made)) == 40
    for data in made:
        message = parse(data)
        if isinstance(message, Request):
            assert typed.validate_request(message) == []
        else:
            typed.validate_response(message)
        assert len(typed.vias(message)) == 2


def test_ours_is_measured_without_the_others() -> None:
    rates = measure(40, 1)["offhook"]
    assert "offhook" in libraries()
    assert rates["parsed"] >= rates["read"] > 0
    assert rates["written"] > 0
