"""The requests of a dialog, and where they go: RFC 3261 §9.1, §12.2.1.1, §13.2.2.4, §8.1.2."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeAlias

from offhook.sip.dialog.model import Dialog
from offhook.sip.errors import ParseError
from offhook.sip.message.address import NameAddr
from offhook.sip.message.headers import Headers
from offhook.sip.message.message import Request
from offhook.sip.message.reason import EndReason, fields
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Flow, Transport, transport_of

MAX_FORWARDS = "70"
"""RFC 3261 §8.1.1.6."""

FlowTo: TypeAlias = Callable[[Transport, Address], Flow | None]
"""The flow to an address by a transport; None if we do not have that."""


def in_dialog(dialog: Dialog, method: str, cseq: int, via: str) -> Request:
    """A request within the dialog, without Contact and body; `cseq` is the INVITE's for an ACK (§12.2.1.1)."""
    uri, routes = _route(dialog)
    headers = Headers()
    headers.add("Via", via)
    headers.add("Max-Forwards", MAX_FORWARDS)
    for route in routes:
        headers.add("Route", route)
    headers.add("From", dialog.local)
    headers.add("To", dialog.remote)
    headers.add("Call-ID", dialog.call_id)
    headers.add("CSeq", f"{cseq} {method}")
    return Request(method, uri, headers)


def cancel_of(invite: Request, why: Iterable[EndReason] = ()) -> Request:
    """The CANCEL of our INVITE: with the INVITE's top Via, branch included, and its Route (§9.1)."""
    headers = Headers()
    headers.add("Via", invite.headers.get_all("Via")[0])
    for name in ("Max-Forwards", "Route", "From", "To", "Call-ID"):
        for value in invite.headers.get_all(name):
            headers.add(name, value)
    number = (invite.headers.get("CSeq") or "").partition(" ")[0]
    headers.add("CSeq", f"{number} CANCEL")
    for name, value in fields(why):
        headers.add(name, value)
    return Request("CANCEL", invite.uri, headers)


def next_hop(dialog: Dialog, flow_to: FlowTo) -> Flow:
    """Where the dialog's requests go: the first route, else the remote target (§8.1.2).

    Some targets cannot be reached, and the request goes where the far end's latest request came from instead: a name,
    since the core does no lookups; a transport that we do not have; and an address that means something else here than
    where it was written, above all the private one of a phone behind a NAT without ALG. So does a request over the
    transport of a connection that is there already: who opened it may not be reachable in any other way.
    """
    target = dialog.route_set[0] if dialog.route_set else f"<{dialog.remote_target}>"
    try:
        uri = NameAddr.parse_route(target).uri
    except ParseError:
        return dialog.peer
    transport = transport_of(uri)
    if transport is None or (transport is dialog.peer.transport and dialog.peer.id):
        return dialog.peer
    if dialog.peer.id and "transport" not in uri.params and _is_far_end(uri, dialog.peer):
        # UDP, by the letter (RFC 3263 §4.1); but SIPp and others over TCP do not say so, and take it there only.
        return dialog.peer
    address = numeric_address(uri, transport)
    if address is None or not _reachable(address, dialog.peer.remote):
        return dialog.peer
    # Who was verified by its name gives addresses of its own.
    flow = flow_to(transport, address)
    return dialog.peer if flow is None else replace(flow, name=dialog.peer.name)


def numeric_address(uri: Uri, transport: Transport) -> Address | None:
    """The address of a URI with a numeric host; None when its host is a name."""
    # §19.1.1: maddr is the address to contact in place of the host's. Multicast is not usable.
    number = numeric(uri.params.get("maddr") or uri.host)
    if number is None or number.is_multicast or uri.port == 0:
        return None
    return Address(str(number), transport.default_port if uri.port is None else uri.port)


def _is_far_end(uri: Uri, connection: Flow) -> bool:
    """Whether a URI has the host and the port that the far end has its side of a connection at."""
    return numeric_address(uri, connection.transport) == connection.remote


def _reachable(address: Address, peer: Address) -> bool:
    """Whether the address, given by that peer, can mean the same host from here."""
    given, source = numeric(address.host), numeric(peer.host)
    if given is None or source is None:
        return False
    if given.is_unspecified or str(given) == "255.255.255.255":
        # Sending there would reach ourselves, or everybody.
        return False
    inside = (given.is_private, given.is_loopback, given.is_link_local)
    return not any(
        is_so and not can
        for is_so, can in zip(inside, (source.is_private, source.is_loopback, source.is_link_local), strict=True)
    )


def _route(dialog: Dialog) -> tuple[str, tuple[str, ...]]:
    if not dialog.route_set:
        return dialog.remote_target, ()
    first = NameAddr.parse_route(dialog.route_set[0])
    if "lr" in first.uri.params:
        return dialog.remote_target, dialog.route_set
    # A strict router (RFC 2543): it takes the Request-URI's place, and the target comes last.
    return str(first.uri), (*dialog.route_set[1:], f"<{dialog.remote_target}>")
