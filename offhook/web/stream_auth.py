"""Who may bring a call over a media stream: the verdicts, and the rule that all share that know no secret."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from starlette.datastructures import Headers

from offhook.web.access import PasswordCheck, is_from_elsewhere, is_local


@dataclass(frozen=True, slots=True)
class Accepted:
    """It may come in. `meta` is what is known of the call: `call_sid`, `caller`, `called`."""

    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not; `why` is for the log, not for the unauthenticated."""

    status: int
    why: str


class StreamAuth(Protocol):
    """Who decides."""

    def check_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """A WebSocket is asked for. `peer` is the address of its socket."""


class LocalAuth:
    """Lets programs on this machine in, which know no secret: with the pages' password, once one is set, because then
    others may reach this machine by a forwarder."""

    def __init__(self, password: str | None = None) -> None:
        self._password = None if password is None else PasswordCheck(password)

    def refusal(self, headers: Headers, peer: str) -> Refused | None:
        """Of a webhook or an upgrade."""
        if not is_local(peer, headers):
            return Refused(HTTPStatus.FORBIDDEN, "not from this machine, and no secret is set")
        try:
            if is_from_elsewhere(headers):
                return Refused(HTTPStatus.FORBIDDEN, "asked for by another site's page")
        except ValueError:
            return Refused(HTTPStatus.BAD_REQUEST, "its Origin is no URL")
        status = None if self._password is None else self._password.refusal(peer, headers)
        return None if status is None else Refused(status, "without a secret, and without the password of `[http]`")
