"""How a server completes the Via of a request, and where the response goes: RFC 3261 §18.2, RFC 3581 §4."""

from dataclasses import replace

from offhook.sip.message import typed
from offhook.sip.message.grammar import split_first
from offhook.sip.message.message import Request
from offhook.sip.net.address import DEFAULT_PORT, Address


def fix_top_via(request: Request, source: Address) -> Address:
    """Write the request's real source into the top Via; returns where its responses go.

    That is the source's host, and its port where the client asked for it (rport), else the port that the Via
    names. A maddr is not followed: that would let anyone aim our responses at a third party. Raises ParseError.
    """
    top = typed.top_via(request)
    params = top.params
    asked = "rport" in params
    params = params.with_("received", source.host)
    if asked:
        params = params.with_("rport", str(source.port))
    # The Vias below are not parsed: they are echoed unchanged.
    _, *others = [part for value in request.headers.get_all("Via") for part in _first_and_rest(value)]
    request.headers.set("Via", str(replace(top, params=params)))
    for value in others:
        request.headers.add("Via", value)
    return Address(source.host, source.port if asked else top.port or DEFAULT_PORT)


def _first_and_rest(value: str) -> list[str]:
    return [part for part in split_first(value, "Via") if part.strip(" \t,")]
