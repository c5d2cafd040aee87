"""Both sides against each other, and what neither may do."""

import pytest

from offhook.sip.auth.client import MAX_REALMS, Account, Authenticator
from offhook.sip.auth.digest import ALGORITHMS, secret_of
from offhook.sip.auth.fields import Credentials
from offhook.sip.auth.server import NONCE_S, DigestServer, Verdict
from offhook.sip.message import build
from offhook.sip.message.message import Request, Response
from offhook.sip.message.parser import parse
from tests.sip.dialog.harness import Message, Tokens

HOST, REALM = "trunk.example.com", "example.com"
ACCOUNT = Account("bot", "s3cret", frozenset({HOST}), REALM)
PASSWORDS = {"bot": "s3cret"}
ANSWERED = [("Authorization", REALM)]


def secrets(user: str, realm: str, algorithm: str) -> str | None:
    return secret_of(algorithm, user, realm, PASSWORDS[user]) if user in PASSWORDS else None


def server(*algorithms: str) -> DigestServer:
    return DigestServer(REALM, secrets, b"key", algorithms=algorithms or ("SHA-256", "MD5"))


def client(*accounts: Account) -> Authenticator:
    return Authenticator(accounts or (ACCOUNT,), Tokens("c"))


def request(method: str = "INVITE", body: bytes = b"") -> Request:
    parsed = parse(bytes(Message(method, body=body)))
    assert isinstance(parsed, Request)
    return parsed


def refusal(to: Request, challenges: list[str], status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return build.response(to, status, to_tag="x", headers=[(name, value) for value in challenges])


@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "MD5-sess"])
@pytest.mark.parametrize("status", [401, 407])
def test_an_answer_is_right(algorithm: str, status: int) -> None:
    ours = DigestServer(
        REALM, lambda user, realm, _: secrets(user, realm, algorithm), b"key", algorithms=[algorithm.upper()]
    )
    call = request()
    assert ours.judge(call, 0.0, status=status) == (Verdict.ABSENT, "")
    assert client().answer(call, refusal(call, ours.challenges(0.0), status), HOST)
    assert ours.judge(call, 1.0, status=status) == (Verdict.RIGHT, "bot")


def test_the_strongest_algorithm_is_taken() -> None:
    call = request()
    assert client().answer(call, refusal(call, server("MD5", "SHA-512-256", "SHA-256").challenges(0.0)), HOST)
    assert Credentials.parse(call.headers.get("Authorization") or "").algorithm == "SHA-512-256"


def test_a_body_that_was_changed_shows_where_only_auth_int_is_offered() -> None:
    ours, call = server(), request(body=b"v=0\r\n")
    only = [each.replace('"auth,auth-int"', '"auth-int"') for each in ours.challenges(0.0)]
    assert client().answer(call, refusal(call, only), HOST)
    call.body = b"v=1\r\n"
    assert ours.judge(call, 0.0) == (Verdict.WRONG, "")


def test_later_requests_carry_credentials_at_once_with_a_growing_count() -> None:
    ours, mine = server(), client()
    first = request()
    mine.answer(first, refusal(first, ours.challenges(0.0)), HOST)
    assert ours.judge(first, 0.0)[0] is Verdict.RIGHT
    for count in (2, 3):
        later = request("BYE")
        mine.prepare(later, HOST)
        assert Credentials.parse(later.headers.get("Authorization") or "").nc == count
        assert ours.judge(later, 1.0) == (Verdict.RIGHT, "bot")


def test_a_recorded_request_is_worth_nothing() -> None:
    ours, call = server(), request()
    client().answer(call, refusal(call, ours.challenges(0.0)), HOST)
    assert ours.judge(call, 0.0)[0] is Verdict.RIGHT
    assert ours.judge(call, 0.0)[0] is Verdict.STALE


def test_an_old_nonce_is_renewed_without_asking_anybody() -> None:
    ours, mine, call = server(), client(), request()
    mine.answer(call, refusal(call, ours.challenges(0.0)), HOST)
    late = NONCE_S + 2
    assert ours.judge(call, late)[0] is Verdict.STALE
    assert mine.answer(call, refusal(call, ours.challenges(late, stale=True)), HOST, answered=ANSWERED)
    assert ours.judge(call, late) == (Verdict.RIGHT, "bot")
    assert len(call.headers.get_all("Authorization")) == 1


def test_a_wrong_password_is_tried_once() -> None:
    ours, call = server(), request()
    mine = client(Account("bot", "guess", frozenset({HOST})))
    assert mine.answer(call, refusal(call, ours.challenges(0.0)), HOST)
    assert ours.judge(call, 0.0) == (Verdict.WRONG, "")
    assert not mine.answer(call, refusal(call, ours.challenges(1.0)), HOST, answered=ANSWERED)


def test_proxies_ask_in_realms_of_their_own() -> None:
    mine, call = client(Account("bot", PASSWORDS["bot"], frozenset({HOST}))), request()
    proxies = [DigestServer(name, secrets, b"key") for name in ("first", "second")]
    answered: list[tuple[str, str]] = []
    for each in proxies:
        space = mine.answer(call, refusal(call, each.challenges(0.0), 407), HOST, answered=answered)
        assert space is not None
        answered.append(space)
    assert answered == [("Proxy-Authorization", "first"), ("Proxy-Authorization", "second")]
    later = request("BYE")
    mine.prepare(later, HOST)
    for message in (call, later):
        assert [each.judge(message, 0.0, status=407)[0] for each in proxies] == [Verdict.RIGHT, Verdict.RIGHT]
    assert mine.answer(call, refusal(call, proxies[0].challenges(1.0), 407), HOST, answered=answered) is None


def test_the_realms_of_those_who_ask_are_limited() -> None:
    mine, call = client(Account("bot", PASSWORDS["bot"], frozenset({HOST}))), request()
    for number in range(MAX_REALMS + 5):
        assert mine.answer(call, refusal(call, DigestServer(f"r{number}", secrets, b"key").challenges(0.0)), HOST)
    later = request("BYE")
    mine.prepare(later, HOST)
    realms = [Credentials.parse(each).realm for each in later.headers.get_all("Authorization")]
    assert realms == [f"r{number}" for number in range(5, MAX_REALMS + 5)]


@pytest.mark.parametrize(
    ("host", "realm"), [("evil.example.net", REALM), (HOST, "evil"), ("trunk.example.com.evil.net", REALM)]
)
def test_a_stranger_gets_no_hash(host: str, realm: str) -> None:
    other = DigestServer(realm, secrets, b"key")
    call = request()
    assert not client().answer(call, refusal(call, other.challenges(0.0)), host)
    assert call.headers.get("Authorization") is None


@pytest.mark.parametrize("user", ["bot", "nobody"])
def test_a_user_that_is_not_there_is_answered_like_one_with_a_wrong_password(user: str) -> None:
    ours, call = server(), request()
    client(Account(user, "guess", frozenset({HOST}))).answer(call, refusal(call, ours.challenges(0.0)), HOST)
    assert ours.judge(call, 0.0) == (Verdict.WRONG, "")


@pytest.mark.parametrize(
    "value",
    [
        "Digest",
        "Basic Ym90OnMzY3JldA==",
        'Digest username="bot", realm="example.com", nonce="0.0", uri="sip:a", response="00"',
        'Digest username="bot", realm="example.com", nonce="z", uri="sip:a", response="0", qop=auth, nc=z, cnonce="a"',
        f'Digest username="{"x" * 5_000}", realm="example.com", nonce="", uri="", response="é"',
    ],
)
def test_what_proves_nothing(value: str) -> None:
    call = request()
    call.headers.add("Authorization", value)
    assert server().judge(call, 0.0)[0] is Verdict.WRONG


def test_algorithms_and_schemes_that_are_not_known_are_passed_over() -> None:
    call, ours = request(), server("MD5")
    strange = ['Digest realm="example.com", nonce="a", algorithm=SHA-999', "Bearer", "Digest realm=broken"]
    assert client().answer(call, refusal(call, strange + ours.challenges(0.0)), HOST)
    assert ours.judge(call, 0.0)[0] is Verdict.RIGHT
    another = request()
    assert not client().answer(another, refusal(another, strange), HOST)
