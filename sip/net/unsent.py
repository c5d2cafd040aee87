"""Why a message could not be sent. Pure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Unsent:
    """`problem` is for programs, `why` and `todo` for people; `todo` is empty where the transport knows of nothing."""

    problem: Literal["unreachable", "untrusted"]
    why: str
    todo: str = ""


def untrusted(host: str, why: str) -> Unsent:
    """The certificate of that host, a name or an address, is not what it should be."""
    return Unsent(
        "untrusted",
        f"its certificate is not trusted as {host}: {why}",
        "its certificate must be for that name, and signed by an authority of this machine or one in "
        "sip.tls_authorities",
    )
