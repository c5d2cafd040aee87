"""Addresses and ports as written on the command line."""

import re

from offhook.usererror import UserError


def parse_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """(host, port) of `HOST:PORT`, `[IPV6]:PORT`, or `HOST` if there is a default port. Raises UserError."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:\[\]\s/@]+))(?::(\d{1,5}))?", text, re.ASCII)
    todo = "HOST:PORT, such as 127.0.0.1:5060 or [::1]:5060"
    if found is None:
        why = "it is not HOST:PORT"
        if re.fullmatch(r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*", text):
            why, todo = "an IPv6 address needs brackets", f"[{text}]:{default_port or 5060}"
        raise UserError(f"`{text[:80]}` is not an address", why, todo)
    port = default_port if found[3] is None else int(found[3])
    if port is None:
        raise UserError(f"`{text[:80]}` is not an address", "it has no port", f"{text[:80]}:5060")
    if port > 65_535:
        raise UserError(f"`{text[:80]}` is not an address", "ports go up to 65535", todo)
    return found[1] or found[2], port


def parse_port_range(text: str) -> tuple[int, int]:
    """(low, high) of `LOW-HIGH`: UDP ports for media, beginning with an even one. Raises UserError."""
    found = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text.strip(), re.ASCII)
    what, todo = f"`{text[:80]}` is not a range of ports", "LOW-HIGH, such as 10000-10999"
    if found is None:
        raise UserError(what, "it is not two numbers joined by a hyphen", todo)
    low, high = int(found[1]), int(found[2])
    if not 1024 <= low <= 65_534 or high > 65_535:
        raise UserError(what, "media ports go from 1024 to 65535", todo)
    if low % 2:
        raise UserError(what, "RTP ports are even, RTCP takes the odd one above", f"{low + 1}-{max(high, low + 2)}")
    if high <= low:
        raise UserError(what, "a call takes two ports, so the second must be above the first", f"{low}-{low + 999}")
    return low, high
