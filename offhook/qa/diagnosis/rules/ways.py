"""Where media goes and comes from: one-way audio, NAT, codecs that were not agreed on, media after the end."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

from offhook.qa.capture.packets import Address
from offhook.qa.diagnosis.analysis import Analysis, MediaStream
from offhook.qa.diagnosis.calls import Call, Description
from offhook.qa.diagnosis.rules.words import place, side
from offhook.qa.findings import Finding
from offhook.qa.rtp.encodings import COMFORT_NOISE, EVENT

LEAST_S = 2.0
"""Of a call, before missing media says anything."""
LEAST_PACKETS = 25
"""Of the other direction."""
FEW_PACKETS = 3
OVER_S = 10.0
"""Media that stopped so long before the capture did will not go on."""
AFTER_BYE_S = 1.0

_IPV4 = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16")
_PRIVATE = [ip_network(each) for each in (*_IPV4, "fc00::/7", "fe80::/10")]
"""RFC 1918, RFC 6598, RFC 3927, RFC 4193, RFC 4291: not reachable from elsewhere."""


def is_private(host: str) -> bool:
    """Whether a numeric host can be reached within its own network only."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any(address.version == each.version and address in each for each in _PRIVATE)


def is_public(host: str) -> bool:
    """Whether a numeric host can be reached from anywhere."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return not (is_private(host) or address.is_loopback or address.is_unspecified or address.is_multicast)


def findings(analysis: Analysis, call: Call, streams: Sequence[MediaStream]) -> Iterator[Finding]:
    """Of one call."""
    yield from _missing(analysis, call, streams)
    yield from _private(call)
    yield from _from_elsewhere(call, streams)
    yield from _codecs(call, streams)
    yield from _ending(analysis, call, streams)
    if any(each.is_encrypted for each in call.descriptions):
        yield Finding(
            "encrypted_media",
            "the media is encrypted (SRTP)",
            "its loss, jitter and timing are judged, but what is in it cannot be heard: no level, keys or WAV",
            "for these, capture the call without SRTP, or at the end that decrypts it",
            call.number,
        )


def _missing(analysis: Analysis, call: Call, streams: Sequence[MediaStream]) -> Iterator[Finding]:
    sides = {caller: call.of_side(caller=caller) for caller in (True, False)}
    if call.answered_s is None or not all(sides.values()):
        return
    ended_s = call.ended_s or analysis.ended_s
    wanted = all(each.receives for ends in sides.values() for each in ends)
    if ended_s - call.answered_s < LEAST_S or not wanted:
        return
    packets = {True: 0, False: 0}
    for stream in streams:
        if stream.from_caller is not None and stream.summary is not None:
            packets[stream.from_caller] += stream.summary.packets
    if not any(packets.values()):
        yield _no_media(analysis, call, sides)
        return
    for by_caller in (True, False):
        if packets[by_caller] == 0 and packets[not by_caller] >= LEAST_PACKETS:
            yield _one_way(call, by_caller, sides, packets[not by_caller])


def _one_way(call: Call, by_caller: bool, sides: dict[bool, list[Description]], others: int) -> Finding:
    silent = "caller" if by_caller else "callee"
    listener = "callee" if by_caller else "caller"
    target = sides[not by_caller][-1].address
    todo = f"look whether the {silent}'s side sends RTP at all, and what stands between it and {place(target)}"
    if is_private(target[0]) and is_public(sides[not by_caller][-1].sender[0]):
        todo = f"the {listener}'s description names the private {target[0]}: have it name its public address"
    return Finding(
        "one_way_audio",
        f"the {listener} hears nothing",
        f"no RTP from the {silent} came to {place(target)}, where the {listener} expects it; the other way had "
        f"{others} packets",
        todo,
        call.number,
        at_s=call.answered_s,
    )


def _no_media(analysis: Analysis, call: Call, sides: dict[bool, list[Description]]) -> Finding:
    places = " and ".join(place(sides[caller][-1].address) for caller in (True, False))
    if not analysis.rtp_packets:
        return Finding(
            "no_rtp_captured",
            "the capture has no RTP",
            f"the call was answered, and its media should be at {places}",
            "capture without a filter for SIP's port, where the media passes",
            call.number,
        )
    return Finding(
        "no_media",
        "the call had no media",
        f"it was answered, and no RTP came to or from {places}, though the capture has that of others",
        "look whether its media passes where the capture was made, and whether both ends send",
        call.number,
        at_s=call.answered_s,
    )


def _private(call: Call) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for each in call.descriptions:
        host, sender = each.address[0], each.sender[0]
        if is_private(host) and is_public(sender) and (host, sender) not in seen:
            seen.add((host, sender))
            yield Finding(
                "private_address_in_sdp",
                f"the {side(each.by_caller)} wants its media at a private address, {place(each.address)}",
                f"its message came from {sender}: it is behind a NAT, and {host} means nothing outside",
                "let it name its public address (STUN, or a setting such as external address), or let the other end "
                "send media to where it comes from",
                call.number,
                at_s=each.at_s,
            )
    for (source, host), at_s in call.contacts.items():
        if is_private(host) and is_public(source[0]) and ("contact", host) not in seen:
            seen.add(("contact", host))
            yield Finding(
                "private_address_in_contact",
                f"a Contact names a private address, {host}",
                f"the message came from {source[0]}: requests in the call (ACK, BYE) are sent to {host}, and get lost",
                "let it name its public address, or let the other end or a proxy put in where the message came from",
                call.number,
                at_s=at_s,
            )


def _from_elsewhere(call: Call, streams: Sequence[MediaStream]) -> Iterator[Finding]:
    seen: set[tuple[Address, Address]] = set()
    for stream in streams:
        if stream.from_caller is None:
            continue
        described = [each.address for each in call.of_side(caller=stream.from_caller)]
        if not described or stream.source in described:
            continue
        address = described[-1]
        if (stream.source, address) in seen:
            continue
        seen.add((stream.source, address))
        who, at_s = side(stream.from_caller), stream.summary.began_s if stream.summary is not None else None
        if any(stream.source[0] == host for host, _ in described):
            yield Finding(
                "rtp_from_another_port",
                f"the {who}'s RTP comes from port {stream.source[1]}, and is wanted at {address[1]}",
                "sending and receiving at different ports is allowed (RFC 4961 advises against it), and NATs break it",
                "nothing, unless there is a NAT between the two",
                call.number,
                stream.number,
                at_s,
            )
        elif not (is_private(address[0]) and is_public(stream.source[0])):
            # The private address is a finding of its own.
            yield Finding(
                "rtp_from_elsewhere",
                f"the {who}'s RTP comes from {place(stream.source)}, and its description says {place(address)}",
                "something between changes one and not the other (a NAT, a media proxy), or somebody else sends",
                "look whether media sent to the described address arrives; if not, send it to where it comes from",
                call.number,
                stream.number,
                at_s,
            )


def _codecs(call: Call, streams: Sequence[MediaStream]) -> Iterator[Finding]:
    names = [{name for each in call.of_side(caller=caller) for name in each.names} for caller in (True, False)]
    agreed = names[0] & names[1]
    if not agreed:
        return
    for stream in streams:
        codecs = stream.summary.codecs if stream.summary is not None else {}
        for name, count in codecs.items():
            if name in agreed or name in (EVENT, COMFORT_NOISE) or count < FEW_PACKETS or stream.from_caller is None:
                continue
            who = side(stream.from_caller)
            yield Finding(
                "wrong_codec",
                f"the {who} sends {name}, which was not agreed on",
                f"{count} packets are {name}; offer and answer have in common (RFC 3264 §6.1): "
                f"{', '.join(sorted(agreed))}",
                f"look at what the {who} does with the answer; the other end may play noise, or nothing",
                call.number,
                stream.number,
                stream.summary.began_s if stream.summary is not None else None,
            )


def _ending(analysis: Analysis, call: Call, streams: Sequence[MediaStream]) -> Iterator[Finding]:
    last_s = max((each.summary.ended_s for each in streams if each.summary is not None), default=None)
    if last_s is None:
        return
    if call.answered_s is not None and call.ended_s is None and analysis.ended_s - last_s > OVER_S:
        yield Finding(
            "no_bye",
            "the call's media ended without a BYE",
            f"RTP stopped, the capture goes on for {analysis.ended_s - last_s:.0f} s, and neither end hung up",
            "look for an end that lost its network or crashed; session timers (RFC 4028) end such calls",
            call.number,
            at_s=last_s,
        )
    for stream in streams:
        if call.ended_s is None or stream.summary is None:
            continue
        if (over_s := stream.summary.ended_s - call.ended_s) > AFTER_BYE_S:
            yield Finding(
                "rtp_after_bye",
                f"RTP from {place(stream.source)} goes on for {over_s:.1f} s after the BYE",
                "the call is over, and one end still sends: it did not get the BYE, or does not act on it",
                "look whether the BYE reached that end, and was answered by it",
                call.number,
                stream.number,
                call.ended_s,
            )
