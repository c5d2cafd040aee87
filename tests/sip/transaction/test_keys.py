import pytest

from offhook.sip.errors import ParseError
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from offhook.sip.transaction.keys import client_key, merge_key, server_key
from tests.sip.dialog.harness import Message, inside, invite


def request(message: Message) -> Request:
    parsed = parse(bytes(message))
    assert isinstance(parsed, Request)
    return parsed


def test_an_ack_has_the_key_of_its_invite_and_a_cancel_names_it() -> None:
    key = server_key(request(invite()))
    assert server_key(request(Message("ACK"))) == key
    assert server_key(request(Message("CANCEL"))) != key
    assert server_key(request(Message("CANCEL")), "INVITE") == key


@pytest.mark.parametrize("branch", ["z9hG4bKother", "z9hG4bKCALLER1"])
def test_another_branch_is_another_transaction(branch: str) -> None:
    assert server_key(request(invite(branch=branch))) != server_key(request(invite()))


def test_the_same_branch_of_another_host_is_another_transaction() -> None:
    other = parse(bytes(invite()).replace(b"UDP 192.0.2.1:5060", b"UDP 192.0.2.9:5060"))
    assert isinstance(other, Request)
    assert server_key(other) != server_key(request(invite()))


@pytest.mark.parametrize("branch", ["z9hG4bK", "77", "Z9HG4BKcaller"])
def test_without_the_cookie_the_rest_of_the_message_decides(branch: str) -> None:
    key = server_key(request(invite(branch=branch)))
    assert key[0] == "rfc2543"
    assert server_key(request(Message("ACK", branch=branch, to="<sip:bot@example.com>;tag=new"))) == key
    for change in ({"call_id": "2"}, {"cseq": 2}, {"sender": "<sip:a@b>;tag=2"}, {"uri": "sip:x@y"}):
        assert server_key(request(invite(branch=branch, **change))) != key


def test_client_keys_are_of_branch_and_method() -> None:
    response = Response(200, "OK", request(invite()).headers)
    assert client_key(response) == client_key(request(invite())) == ("z9hG4bKcaller1", "INVITE")


def test_merge_keys() -> None:
    assert merge_key(request(invite())) == merge_key(request(invite(branch="z9hG4bKelse")))
    assert merge_key(request(invite())) != merge_key(request(invite(cseq=2)))
    assert merge_key(request(inside("INVITE", "tag", 2))) is None
    assert merge_key(request(Message("CANCEL"))) is None


def test_a_message_without_via_has_no_key() -> None:
    with pytest.raises(ParseError):
        server_key(Request("INVITE", "sip:x@y"))
