"""Which transaction a message belongs to: RFC 3261 §17.1.3 and §17.2.3."""

from typing import TypeAlias

from offhook.sip.message import typed
from offhook.sip.message.message import Request, Response

MAGIC_COOKIE = "z9hG4bK"
"""The prefix of an RFC 3261 branch (§8.1.1.7)."""

Key: TypeAlias = tuple[str, ...]


def client_key(message: Request | Response) -> Key:
    """The key of a sent request or a received response: the top branch and the CSeq method (§17.1.3).

    Raises ParseError.
    """
    return (typed.top_via(message).branch or "", typed.cseq(message).method)


def server_key(request: Request, method: str | None = None) -> Key:
    """The key of a received request; `method` overrides its own, to find the INVITE of a CANCEL (§9.2).

    An ACK has the key of its INVITE. Without the magic cookie, or with nothing after it (seen from old
    devices), the rules are those for RFC 2543. There the To tag of an ACK is that of the response and so isn't part
    of the key; Call-ID, From tag and CSeq identify the rest. Raises ParseError.
    """
    via = typed.top_via(request)
    of = method or request.method
    if of == "ACK":
        of = "INVITE"
    branch = via.branch or ""
    if branch.startswith(MAGIC_COOKIE) and branch != MAGIC_COOKIE:
        return (branch, via.host.lower(), str(via.port or ""), of)
    return (
        "rfc2543",
        request.uri,
        typed.from_tag(request),
        typed.call_id(request),
        str(typed.cseq(request).number),
        str(via),
        of,
    )


def merge_key(request: Request) -> Key | None:
    """What copies of one request share that came by different paths (§8.2.2.2); None inside a dialog.

    Raises ParseError.
    """
    if typed.to_tag(request) or request.method in {"ACK", "CANCEL"}:
        return None
    cseq = typed.cseq(request)
    return (typed.from_tag(request), typed.call_id(request), str(cseq.number), cseq.method)
