"""What is to be known of a capture as a whole: damage, what was left out, what could not be read."""

from collections.abc import Iterator

from offhook.qa.diagnosis.analysis import Analysis
from offhook.qa.diagnosis.rules.words import place
from offhook.qa.findings import Finding

MANY_PACKETS = 100


def findings(analysis: Analysis) -> Iterator[Finding]:
    """Of all of it."""
    packets, connections = analysis.packets, analysis.connections
    if analysis.problem:
        yield Finding(
            "damaged_file",
            "the file was not read to its end",
            analysis.problem,
            "if the capture was still being written, or its disk was full: capture again; what comes before is judged",
        )
    if packets.unknown_links:
        kinds = ", ".join(map(str, sorted(packets.unknown_links)))
        yield Finding(
            "not_understood",
            "some frames are of a kind that is not read",
            f"link types {kinds}; Ethernet, Linux cooked, loopback and raw IP are",
            "capture on another interface, or convert the file",
        )
    if analysis.cut:
        yield Finding(
            "cut_packets",
            f"{analysis.cut} RTP packets were captured in part",
            "the capture was made with a limit on their length: levels, silence and keys as tones are not judged there",
            "tcpdump -s 0",
        )
    if packets.copies:
        yield Finding(
            "copies",
            f"{packets.copies} packets were captured more than once",
            'a capture on "any" interface has a packet once for each that it passes: copies were left out',
            "capture on one interface",
        )
    if connections.encrypted:
        servers = ", ".join(map(place, sorted(connections.encrypted)[:5]))
        yield Finding(
            "encrypted_signalling",
            "there is SIP over TLS, which cannot be read",
            f"connections to {servers}",
            "capture at an end that logs its messages (offhook sip capture), or without TLS",
        )
    if connections.missing:
        yield Finding(
            "missing_from_connection",
            f"parts of TCP connections with SIP are missing in {connections.missing} places",
            "the capture lost packets, or began in between: messages may be missing",
            "capture with a larger buffer: tcpdump -B 16384",
        )
    left_out = analysis.calls.left_out + analysis.streams_left_out
    if left_out:
        yield Finding(
            "left_out",
            "not all of the capture is judged",
            f"{analysis.calls.left_out} messages of further calls and {analysis.streams_left_out} packets of further "
            "streams were left out: memory has a bound",
            "cut the file into parts: editcap -i 600 FILE PARTS",
        )
    yield from _one_direction(analysis)


def _one_direction(analysis: Analysis) -> Iterator[Finding]:
    """RTP without SIP, of which the way back is not there."""
    alone = [each for each in analysis.streams if each.call is None and each.summary is not None]
    ways = {(each.source, each.destination) for each in alone}
    for stream in alone:
        if stream.summary is None or stream.summary.packets < MANY_PACKETS:
            continue
        if (stream.destination, stream.source) not in ways:
            yield Finding(
                "one_direction",
                f"RTP {place(stream.source)} → {place(stream.destination)} has no way back in the capture",
                "no SIP tells to which call it belongs, so that nothing is known of the other direction",
                "capture SIP, too; or look whether the other direction takes another way",
                stream=stream.number,
            )
