import pytest

from offhook.carriers.own_addresses import reaches

ELSEWHERE = "192.0.2.1"
"""For documentation (RFC 5737): no machine has it."""


@pytest.mark.parametrize(
    ("host", "bound", "ours"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.1", False),
        ("127.0.0.2", "0.0.0.0", True),
        ("::ffff:127.0.0.2", "0.0.0.0", True),
        ("::ffff:127.0.0.1", "127.0.0.1", True),
        (ELSEWHERE, "0.0.0.0", False),
        (ELSEWHERE, "127.0.0.1", False),
    ],
)
def test_which_addresses_reach_our_sockets(host: str, bound: str, ours: bool) -> None:
    assert reaches(host, bound) is ours
