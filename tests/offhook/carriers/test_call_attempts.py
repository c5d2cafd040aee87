"""Where a call out goes next."""

from hypothesis import given
from hypothesis import strategies as st

from offhook.carriers.call_attempts import MAX_RETRIES, MAX_RETRY_AFTER_S, MAX_TARGETS, CallAttempts
from offhook.carriers.call_target import CallTarget
from offhook.sip.events import CallRejected
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Target, Transport

FIRST = CallTarget("sip:1@example.com", "1", "trunk")
A, B = (Target(Transport.UDP, Address(f"192.0.2.{n}", 5060)) for n in (1, 2))


def listed(contact: str, before: CallTarget) -> CallTarget | None:
    return None if contact.startswith("sip:9") else CallTarget(contact, contact, before.trunk)


def attempts(*found: Target) -> CallAttempts:
    return CallAttempts(FIRST, found or (A,), listed)


def refused(status: int, *contacts: str, retry_after_s: int | None = None) -> CallRejected:
    return CallRejected("call", status, "", contacts, retry_after_s)


def test_all_servers_of_a_target_are_one_attempt() -> None:
    it = attempts(A, B)
    assert it.current.at == (A, B)
    assert it.failed() is None


def test_once_it_rings_it_is_not_called_again() -> None:
    it = attempts(A, B)
    it.rang()
    assert it.failed() is None
    assert it.rejected(refused(503, retry_after_s=1)) is None


def test_503_is_waited_for_and_then_given_up() -> None:
    it = attempts(A, B)
    for _ in range(MAX_RETRIES):
        following = it.rejected(refused(503, retry_after_s=5))
        assert following is not None
        assert (following.target, following.at, following.after_s) == (FIRST, (A, B), 5)
    assert it.rejected(refused(503, retry_after_s=5)) is None


def test_a_long_wait_is_not_waited_for() -> None:
    assert attempts().rejected(refused(503, retry_after_s=MAX_RETRY_AFTER_S + 1)) is None
    assert attempts().rejected(refused(503)) is None


def test_redirections_are_tried_in_their_order_and_end() -> None:
    it = attempts()
    following = it.rejected(refused(302, "sip:2@x", "sip:9@x", "sip:3@x"))
    assert following is not None
    assert following.target.uri == "sip:2@x"
    following = it.rejected(refused(486))
    assert following is not None
    assert following.target.uri == "sip:3@x"
    assert it.rejected(refused(302, "sip:1@example.com", "sip:2@x")) is None  # a loop


def test_a_6xx_is_final() -> None:
    it = attempts(A, B)
    it.rejected(refused(302, "sip:2@x", "sip:3@x"))
    assert it.rejected(refused(603)) is None


FAILURE = st.one_of(
    st.none(),
    st.builds(
        lambda status, numbers, after: refused(status, *(f"sip:{n}@x" for n in numbers), retry_after_s=after),
        st.integers(300, 699),
        st.lists(st.integers(1, 50), max_size=10),
        st.one_of(st.none(), st.integers(0, 20)),
    ),
)


@given(st.lists(FAILURE, min_size=60, max_size=60), st.integers(1, 4))
def test_whatever_comes_it_ends(failures: list[CallRejected | None], addresses: int) -> None:
    it = attempts(*(Target(Transport.UDP, Address(f"192.0.2.{n}", 5060)) for n in range(addresses)))
    tried = [it.current.target.uri]
    for failure in failures:
        following = it.failed() if failure is None else it.rejected(failure)
        if following is None:
            break
        tried.append(following.target.uri)
        assert following.after_s <= MAX_RETRY_AFTER_S
        assert following.at
    else:
        raise AssertionError("it never ends")
    assert len(set(tried)) <= MAX_TARGETS
    assert len(tried) <= MAX_TARGETS + MAX_RETRIES
