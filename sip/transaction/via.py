"""What a server does to the Via of a request, and where the response goes: RFC 3261 §18.2, RFC 3581 §4."""

from dataclasses import replace

from offhook.sip.message import typed
from offhook.sip.message.message import Request
from offhook.sip.net.address import DEFAULT_PORT, Address


def fix_top_via(request: Request, source: Address) -> Address:
    """Write into the top Via where the request really came from; returns where its responses go.

    That is the source's host, and its port where the client asked for it (rport), else the port that the Via
    names. A maddr is not followed: it would let anyone aim our responses at a third party. Raises ParseError.
    """
    top, *others = typed.vias(request)
    params = top.params
    asked = "rport" in params
    params = params.with_("received", source.host)
    if asked:
        params = params.with_("rport", str(source.port))
    stamped = replace(top, params=params)
    request.headers.set("Via", str(stamped))
    for via in others:
        request.headers.add("Via", str(via))
    return Address(source.host, source.port if asked else top.port or DEFAULT_PORT)
