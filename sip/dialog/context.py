"""What comes with an input of a call's tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from offhook.sip.message.message import Request, Response
from offhook.sip.transaction.client import ClientTransaction
from offhook.sip.transaction.server import ServerTransaction


@dataclass(frozen=True, slots=True)
class Context:
    """The message behind an input, or the arguments of a command."""

    server: ServerTransaction | None = None
    request: Request | None = None
    client: ClientTransaction | None = None
    response: Response | None = None
    sdp: bytes | None = None
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    reason: str | None = None


EMPTY = Context()

Action: TypeAlias = Callable[[Any, Context, float], None]
"""An action of a call or of its re-INVITEs, as an unbound method: a table of bound ones would keep the object alive."""
