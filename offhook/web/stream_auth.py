"""Authentication of media streams: its results, and the rule for programs on this machine."""

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol

from starlette.datastructures import Headers

from offhook.web.access import PasswordCheck, is_from_elsewhere, is_local


@dataclass(frozen=True, slots=True)
class Accepted:
    """`meta` is what is known about the call: `call_sid`, `caller`, `called`."""

    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """`why` is for the log, not for the far end."""

    status: int
    why: str


class StreamAuth(Protocol):
    """Decides whether a stream may bring a call."""

    def check_upgrade(self, path: str, headers: Headers, peer: str) -> Accepted | Refused:
        """Check a request to upgrade; `peer` is the address of its socket."""


class LocalAuth:
    """Accepts programs on this machine without a secret; with the pages' password, once one is set, because a forwarder
    may let others reach this machine."""

    def __init__(self, password: str | None = None) -> None:
        self._password = None if password is None else PasswordCheck(password)

    def refusal(self, headers: Headers, peer: str) -> Refused | None:
        """Why a webhook or an upgrade is refused; None: it is accepted."""
        if not is_local(peer, headers):
            return Refused(HTTPStatus.FORBIDDEN, "not from this machine, and no secret is set")
        try:
            if is_from_elsewhere(headers):
                return Refused(HTTPStatus.FORBIDDEN, "from another site's page")
        except ValueError:
            return Refused(HTTPStatus.BAD_REQUEST, "its Origin is not a URL")
        status = None if self._password is None else self._password.refusal(peer, headers)
        return None if status is None else Refused(status, "neither a secret nor the password of `[http]`")
