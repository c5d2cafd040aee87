"""Responses made from requests (RFC 3261 §8.2.6, §12.1.1)."""

from collections.abc import Iterable

from offhook.sip.errors import LocalError, ParseError
from offhook.sip.message import typed
from offhook.sip.message.grammar import is_token
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request, Response

REASONS: dict[int, str] = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    199: "Early Dialog Terminated",
    200: "OK",
    202: "Accepted",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Moved Temporarily",
    305: "Use Proxy",
    380: "Alternative Service",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    416: "Unsupported URI Scheme",
    420: "Bad Extension",
    421: "Extension Required",
    422: "Session Interval Too Small",
    423: "Interval Too Brief",
    469: "Bad Info Package",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    482: "Loop Detected",
    483: "Too Many Hops",
    484: "Address Incomplete",
    485: "Ambiguous",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    489: "Bad Event",
    491: "Request Pending",
    493: "Undecipherable",
    500: "Server Internal Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    505: "Version Not Supported",
    513: "Message Too Large",
    580: "Precondition Failure",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    606: "Not Acceptable",
}


def response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """The response to a request, which may have been parsed only in part.

    Via, From, To, Call-ID and CSeq are echoed byte for byte; Record-Route too where a dialog may result
    (§12.1.1), Timestamp in a 100 (§8.2.6.1). `to_tag` is added to a To that has none. Raises LocalError.
    """
    if not 100 <= status <= 699:
        raise LocalError(f"{status} is not a status")
    echoed = Headers()
    echoed.add_from(request.headers, "Via")
    if request.method == "INVITE" and 100 < status < 300:
        echoed.add_from(request.headers, "Record-Route")
    for name in ("From", "To", "Call-ID", "CSeq"):
        echoed.add_from(request.headers, name, at_most=1)
    if to_tag is not None and "To" in request.headers:
        echoed.set("To", _tagged(request, to_tag))
    if status == 100:
        echoed.add_from(request.headers, "Timestamp")
    for name, text in headers:
        echoed.add(name, text)
    if content_type is not None:
        echoed.add("Content-Type", content_type)
    return Response(status, REASONS.get(status, "") if reason is None else reason, echoed, body)


def _tagged(request: Request, tag: str) -> str:
    to = request.headers.get("To") or ""
    if not is_token(tag):
        raise LocalError(f"tag {tag!r} is not a token")
    try:
        address = typed.to(request)
    except ParseError:
        # A malformed value is echoed as it is: an appended tag might land inside a quote.
        return to
    if address.tag is not None:
        return to
    # An empty tag is replaced: two tags would be worse than a value that is not echoed exactly.
    return str(address.with_tag(tag)) if "tag" in address.params else f"{to};tag={tag}"
