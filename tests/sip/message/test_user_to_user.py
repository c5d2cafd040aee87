import pytest

from offhook.sip.errors import ParseError
from offhook.sip.message.user_to_user import UserToUser, user_to_user


@pytest.mark.parametrize(
    ("text", "data", "content"),
    [
        ("48656c6c6f;encoding=hex;purpose=x;content=y", "48656c6c6f", b"Hello"),
        ("00FA", "00FA", b"\x00\xfa"),
        ('"account 7" ; encoding=utf-8', "account 7", b"account 7"),
        ("account-7", "account-7", b"account-7"),  # said to be hexadecimal, and is not
    ],
)
def test_round_trip(text: str, data: str, content: bytes) -> None:
    value = UserToUser.parse(text)
    assert (value.data, value.content) == (data, content)
    assert UserToUser.parse(str(value)) == value


@pytest.mark.parametrize("text", ["", ";encoding=hex", "a b", '"open', '48;encoding="'])
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        UserToUser.parse(text)


def test_several_and_those_that_cannot_be_read() -> None:
    assert [value.content for value in user_to_user(["41, 42;purpose=x", "", "a b", "43"])] == [b"A", b"B", b"C"]
