"""How a server completes the Via of a request, and where the response goes: RFC 3261 §18.2, RFC 3581 §4."""

from offhook.sip.message import typed
from offhook.sip.message.grammar import split_first
from offhook.sip.message.message import Request
from offhook.sip.net.address import Address
from offhook.sip.net.flow import Flow


def fix_top_via(request: Request, flow: Flow) -> Flow:
    """Write the request's real source into the top Via; returns where its responses go.

    Over a connection that is the connection (§18.2.2). Else it is the source's host, and its port where the client
    asked for it (rport), or the port that the Via names. A maddr is not followed: that would let anyone aim our
    responses at a third party. Raises ParseError.
    """
    top, source = typed.top_via(request), flow.remote
    params = top.params
    asked = "rport" in params
    params = params.with_("received", source.host)
    if asked:
        params = params.with_("rport", str(source.port))
    # The Vias below are not parsed: they are echoed unchanged.
    _, *others = [part for value in request.headers.get_all("Via") for part in _first_and_rest(value)]
    fixed = top._replace(params=params)
    request.headers.set("Via", str(fixed))
    for value in others:
        request.headers.add("Via", value)
    request.headers.parsed["Via"] = fixed
    if asked or flow.transport.is_reliable:
        return flow
    return flow.to(Address(source.host, top.port or flow.transport.default_port))


def _first_and_rest(value: str) -> list[str]:
    if "," not in value:
        return [value] if value else []
    return [part for part in split_first(value, "Via") if part.strip(" \t,")]
