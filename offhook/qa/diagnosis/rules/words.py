"""How addresses, ends and streams are named in findings."""

from offhook.qa.capture.packets import Address
from offhook.qa.diagnosis.analysis import MediaStream


def place(address: Address) -> str:
    """Host and port, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def side(by_caller: bool | None) -> str:
    """An end of a call."""
    return "caller" if by_caller else "callee"


def whose(stream: MediaStream) -> str:
    """A stream by who sends it: "the caller's RTP (192.0.2.1:4000 → 192.0.2.2:4000)"."""
    way = f"{place(stream.source)} → {place(stream.destination)}"
    return f"RTP {way}" if stream.from_caller is None else f"the {side(stream.from_caller)}'s RTP ({way})"
