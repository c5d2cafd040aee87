"""The STUN client, against a server on loopback and the vectors of RFC 5769."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from offhook.sip.net import stun
from offhook.sip.net.address import Address

# RFC 5769 §2.2 and §2.3: without their SOFTWARE, MESSAGE-INTEGRITY and FINGERPRINT.
TRANSACTION = bytes.fromhex("b7e7a701bc34d686fa87dfae")
IPV4 = bytes.fromhex("002000080001a147e112a643")
IPV6 = bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def answer(attributes: bytes, transaction: bytes = TRANSACTION, kind: int = stun.SUCCESS) -> bytes:
    return struct.pack("!HHI", kind, len(attributes), stun.COOKIE) + transaction + attributes


@pytest.mark.parametrize(
    ("attributes", "address"),
    [
        (IPV4, Address("192.0.2.1", 32_853)),
        (IPV6, Address("2001:db8:1234:5678:11:2233:4455:6677", 32_853)),
        (bytes.fromhex("8022000574657374") + b"!\0\0\0" + IPV4, Address("192.0.2.1", 32_853)),
        (bytes.fromhex("000100080001235ac0000207"), Address("192.0.2.7", 9_050)),  # an old server
        (b"", None),
        (IPV4[:-1], None),
        (bytes.fromhex("0020000800030000e112a643"), None),
    ],
)
def test_addresses(attributes: bytes, address: Address | None) -> None:
    assert stun.mapped_address(answer(attributes), TRANSACTION) == address


def test_what_answers_another_question_is_nothing() -> None:
    assert stun.mapped_address(answer(IPV4, b"x" * 12), TRANSACTION) is None
    assert stun.mapped_address(answer(IPV4, kind=0x0111), TRANSACTION) is None
    assert stun.mapped_address(answer(IPV4)[:30], TRANSACTION) is None
    assert stun.mapped_address(b"", TRANSACTION) is None


@contextmanager
def server(lose: int = 0) -> Iterator[int]:
    """Answers with the address of who asks, after `lose` questions."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)

        def serve() -> None:
            for number in range(lose + 1):
                data, (host, port) = sock.recvfrom(100)
                if number == lose:
                    value = b"\0\1" + struct.pack("!H", port ^ 0x2112)
                    value += bytes(
                        a ^ b for a, b in zip(socket.inet_aton(host), stun.COOKIE.to_bytes(4, "big"), strict=True)
                    )
                    sock.sendto(answer(IPV4, b"x" * 12), (host, port))
                    sock.sendto(answer(struct.pack("!HH", 0x20, 8) + value, data[8:20]), (host, port))

        thread = threading.Thread(target=serve)
        thread.start()
        yield sock.getsockname()[1]
        thread.join()


@pytest.mark.parametrize("lose", [0, 1])
def test_a_server_says_how_we_are_seen(lose: int) -> None:
    with server(lose) as port:
        assert stun.ask("127.0.0.1", port).host == "127.0.0.1"


def test_no_server() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    with pytest.raises(OSError):
        stun.ask("127.0.0.1", port)
