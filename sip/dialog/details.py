"""What comes with an input of a call's tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from sip.message.message import Request, Response
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction


@dataclass(frozen=True, slots=True)
class Details:
    """The message behind an input, or the arguments of a command."""

    server: ServerTransaction | None = None
    request: Request | None = None
    client: ClientTransaction | None = None
    response: Response | None = None
    sdp: bytes | None = None
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()


NOTHING = Details()

Action: TypeAlias = Callable[[Any, Details, float], None]
"""Of a call, or of its re-INVITEs: an unbound method. Bound ones in an object of their own would keep it alive."""
