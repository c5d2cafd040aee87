"""Our address as the Internet sees it, asked of a STUN server: RFC 8489, the binding request alone."""

import secrets
import socket
import struct
import time
from ipaddress import ip_address

from offhook.sip.net.address import Address

PORT = 3478

REQUEST, SUCCESS = 0x0001, 0x0101
MAPPED, XOR_MAPPED = 0x0001, 0x0020
COOKIE = 0x2112A442

FIRST_WAIT_S, TRIES = 0.5, 4
"""Until the request is repeated, doubling (§6.2.1): 7.5 s in all."""


def binding_request(transaction: bytes) -> bytes:
    """The request; `transaction` is 12 random bytes, by which its answer is known."""
    return struct.pack("!HHI12s", REQUEST, 0, COOKIE, transaction)


def mapped_address(data: bytes, transaction: bytes) -> Address | None:
    """The address in the answer to that request; None for anything else."""
    if len(data) < 20:
        return None
    kind, size, cookie, of = struct.unpack("!HHI12s", data[:20])
    if (kind, cookie, of) != (SUCCESS, COOKIE, transaction) or len(data) < 20 + size:
        return None
    found: dict[int, Address] = {}
    at = 20
    while at + 4 <= 20 + size:
        name, length = struct.unpack("!HH", data[at : at + 4])
        value = data[at + 4 : at + 4 + length]
        if name in (MAPPED, XOR_MAPPED) and (address := _address(value, name, transaction)) is not None:
            found.setdefault(name, address)
        at += 4 + (length + 3) // 4 * 4  # padded (§14)
    return found.get(XOR_MAPPED) or found.get(MAPPED)


def _address(value: bytes, name: int, transaction: bytes) -> Address | None:
    size = {1: 4, 2: 16}.get(value[1]) if len(value) >= 4 else None
    if size is None or len(value) != 4 + size:
        return None
    port, number = int.from_bytes(value[2:4], "big"), int.from_bytes(value[4:], "big")
    if name == XOR_MAPPED:
        port ^= COOKIE >> 16
        number ^= int.from_bytes((COOKIE.to_bytes(4, "big") + transaction)[:size], "big")
    return Address(str(ip_address(number.to_bytes(size, "big"))), port)


def ask(server: str, port: int = PORT, *, ipv6: bool = False) -> Address:
    """Our address as the server sees it; blocks. Raises OSError when it cannot be found, or does not answer."""
    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    where = socket.getaddrinfo(server, port, family, socket.SOCK_DGRAM)[0][4][0], port
    transaction, wait_s = secrets.token_bytes(12), FIRST_WAIT_S
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect(where)  # so that only the server's datagrams come in, and ICMP errors
        for _ in range(TRIES):
            sock.send(binding_request(transaction))
            deadline = time.monotonic() + wait_s
            while (left_s := deadline - time.monotonic()) > 0:
                sock.settimeout(left_s)
                try:
                    seen = mapped_address(sock.recv(2_048), transaction)
                except TimeoutError:
                    break
                if seen is not None:
                    return seen
            wait_s *= 2
    raise OSError("there was no answer")
