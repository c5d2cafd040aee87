"""Session descriptions that PJSIP must not use: it takes each address as it is, and ends its process where one cannot
be used; a name it would look up, and all calls would wait for that. The rules are those of our own SIP."""

from collections.abc import Callable, Iterator
from ipaddress import ip_address

import structlog

NOT_ACCEPTABLE_HERE = 488
BROADCAST = "255.255.255.255"
log = structlog.get_logger("offhook.pjsip")


def judge(host: str, *, ice: bool) -> Callable[[bytes, bytes | None], int]:
    """For messages to us at `host`: from PJSIP's summary of one, and its description as PJSIP has understood it (None:
    too long), to the status to refuse it with, or 0. `ice`: whether its candidates are used."""
    version = 6 if ":" in host else 4

    def verdict(message: bytes, text: bytes | None) -> int:
        why = problem(text, version, ice=ice)
        if not why:
            return 0
        what = message.decode("utf-8", "replace").partition(" (")[0]
        log.warning("a session description was refused", of=what, why=why)
        return NOT_ACCEPTABLE_HERE

    return verdict


def problem(text: bytes | None, version: int, *, ice: bool = False) -> str:
    """Why a description cannot be used, where we have addresses of that IP version; "" if it can."""
    if text is None:
        return "it is too long"
    return next(_problems(text.decode("utf-8", "replace"), version, ice), "")


def _problems(text: str, version: int, ice: bool) -> Iterator[str]:
    for line in text.replace("\r", "\n").split("\n"):
        kind, _, value = line.partition("=")
        name, _, rest = value.partition(":")
        if kind == "c":
            yield from _of_address(value.split(), version)
        elif kind == "a" and name.lower() == "rtcp" and len(fields := rest.split()) > 1:
            yield from _of_address(fields[1:], version)  # RFC 3605 §2.1: after the port
        elif kind == "a" and name.lower() == "candidate" and ice:
            yield from _of_candidate(rest.split())


def _of_address(fields: list[str], version: int) -> Iterator[str]:
    """RFC 8866 §5.7: network, IP version, address."""
    if len(fields) != 3 or fields[:2] != ["IN", f"IP{version}"]:
        yield f"it has an address that is not of IPv{version}"
    elif not _is_number(fields[2], version):
        yield f"it has an address that is no number of IPv{version}"
    elif ip_address(fields[2]).is_multicast or fields[2] == BROADCAST:
        yield "it has an address of many hosts"


def _of_candidate(fields: list[str]) -> Iterator[str]:
    """RFC 8839 §5.1: the address is the fifth."""
    if len(fields) < 6 or not (_is_number(fields[4], 4) or _is_number(fields[4], 6)):
        yield "it has a candidate without a numeric address"


def _is_number(text: str, version: int) -> bool:
    try:
        return ip_address(text).version == version and "%" not in text
    except ValueError:
        return False
