"""The connections over TLS that PJSIP opens: what waits for one is sent once its certificate is found to be for the
host that it was opened to."""

from collections.abc import Callable
from time import monotonic
from typing import Any

import pjsua2 as pj
import structlog

from offhook.carriers.pjsua2.certificates import identities
from offhook.sip.message.identities import printable
from offhook.sip.net.unsent import Unsent, untrusted
from offhook.sip.recent import Recent

KNOWN_S, MOST_KNOWN = 32.0, 64
"""Hosts, and whether they are trusted: what waits for them fails at once."""

log = structlog.get_logger("offhook.pjsip")


class Connections:
    """Of a user agent. `peer_of(handle)` is the host that a connection was opened to, "" if the far end has opened it;
    it raises OSError if nobody can say."""

    def __init__(self, peer_of: Callable[[Any], str]) -> None:
        self._peer_of = peer_of
        self._untrusted = Recent[str, Unsent | None](KNOWN_S, MOST_KNOWN)

    def may_be_used(self, what: Any) -> bool:
        """Whether one may that has changed its state, as PJSIP reports it; the log says why not. Raises what keeps
        it from being known."""
        verified = what.state == pj.PJSIP_TP_STATE_CONNECTED
        refused = what.state == pj.PJSIP_TP_STATE_DISCONNECTED and what.tlsInfo.verifyStatus
        if not what.type.upper().startswith("TLS") or not (verified or refused):
            return True
        host = self._peer_of(what.hnd)
        if not host:
            return True  # PJSIP has verified it, if certificates are asked for; it is for no host
        why = _why_not(what.tlsInfo.remoteCertInfo.raw, host) if verified else "; ".join(what.tlsInfo.verifyMsgs)
        unsent = untrusted(host, printable(why)) if why else None
        self._untrusted.keep(host.lower(), unsent, monotonic())
        if unsent is None:
            return True
        log.warning("a connection is not used", peer=what.tlsInfo.remoteAddr, why=unsent.why, todo=unsent.todo)
        return False

    def untrusted(self, host: str) -> Unsent | None:
        """Why nothing was sent to that host, if its latest certificate was not trusted."""
        return self._untrusted.recall(host.lower(), monotonic())


def _why_not(certificate: str, host: str) -> str:
    try:
        found = identities(certificate)
    except ValueError as error:
        return str(error)
    return "" if found.have(host) else f"it is for {found}"
