"""Offer and answer of one audio stream (RFC 3264)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType

from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.sdp import audio
from offhook.sip.sdp.audio import COMFORT_NOISE, OPUS, OPUS_CLOCK_HZ, RATE_HZ, TELEPHONE_EVENT, Format
from offhook.sip.sdp.limits import MAX_PTIME_MS, MIN_PTIME_MS
from offhook.sip.sdp.model import DIRECTIONS, Attribute, Media, Origin, SessionDescription, stated_direction
from offhook.sip.sdp.parser import parse
from offhook.sip.sdp.serializer import serialize

PROTOCOL = "RTP/AVP"
DTMF_EVENTS = "0-15"
OFFERED_DTMF_PAYLOAD_TYPE = 101
OFFERED_OPUS_DTMF_PAYLOAD_TYPE = 110
OPUS_PARAMETERS = "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1"
"""RFC 7587 §6.1: more than 16 kHz is neither heard nor sent; lost packets are made up from the next ones."""

_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, OPUS: 111}

_SPELLING = {OPUS: "opus", TELEPHONE_EVENT: "telephone-event"}
_PARAMETERS = {OPUS: OPUS_PARAMETERS, TELEPHONE_EVENT: DTMF_EVENTS}

_MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Where we receive: a numeric host and the RTP port (RTCP is the next). `version` rises with every change."""

    host: str
    port: int
    session_id: int
    version: int


@dataclass(frozen=True, slots=True)
class AudioCapabilities:
    """What we can do. The order of codecs is our preference in an offer; in an answer the offerer's counts.

    `ptime_ms` (10, 20 … 60) is our wish; the remote's counts for more. Comfort noise is taken where the remote offers
    it and never offered, since that would invite it to leave out what it takes for silence. RTCP shares RTP's port
    where the remote offers that.
    """

    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    dtmf: bool = True
    ptime_ms: int = 20
    comfort_noise: bool = True


@dataclass(frozen=True, slots=True)
class NegotiatedAudio:
    """What both ends agreed on. `codec`, `payload_type` and `dtmf_payload_type` are what we send."""

    remote_host: str
    remote_port: int
    remote_rtcp_host: str
    remote_rtcp_port: int
    rtcp_mux: bool
    """RTCP uses RTP's port, both ways (RFC 5761)."""
    codec: str
    payload_type: int
    receive_payload_types: Mapping[int, str]
    """Payload type to the name of a codec; read-only."""
    dtmf_payload_type: int | None
    receive_dtmf_payload_type: int | None
    dtmf_clock_hz: int
    comfort_noise_payload_type: int | None
    receive_comfort_noise_payload_type: int | None
    ptime_ms: int
    max_bit_rate: int | None
    """Of what we send, bit/s."""
    direction: str
    """As seen from us."""


DEFAULT_CAPABILITIES = AudioCapabilities()


def make_offer(
    local: LocalMedia,
    capabilities: AudioCapabilities = DEFAULT_CAPABILITIES,
    direction: str = "sendrecv",
) -> bytes:
    """An offer of one audio stream. Raises LocalError."""
    if direction not in DIRECTIONS:
        raise LocalError(f"{direction!r} is not a direction")
    _check(local, capabilities)
    chosen = [Format(_PAYLOAD_TYPES[codec], codec, _clock_hz(codec)) for codec in capabilities.codecs]
    if capabilities.dtmf:
        # RFC 4733 §2.1: its clock has to be that of the audio beside it.
        if OPUS in capabilities.codecs:
            chosen.append(Format(OFFERED_OPUS_DTMF_PAYLOAD_TYPE, TELEPHONE_EVENT, OPUS_CLOCK_HZ))
        chosen.append(Format(OFFERED_DTMF_PAYLOAD_TYPE, TELEPHONE_EVENT))
    media = _audio_line(local, chosen, capabilities.ptime_ms, direction)
    return serialize(_description(local, "0 0", (media,)))


def answer_offer(
    offer: bytes,
    local: LocalMedia,
    capabilities: AudioCapabilities = DEFAULT_CAPABILITIES,
) -> tuple[bytes, NegotiatedAudio]:
    """The answer to an offer, and what came of it.

    Takes the first audio stream that can be used and refuses the others (port 0). Raises RemoteError 488 when there
    is none, 400 when the offer is malformed; LocalError.
    """
    _check(local, capabilities)
    session = parse(offer)
    family = ip_address(local.host).version
    index = next((i for i, each in enumerate(session.media) if _usable(session, each, family, capabilities)), None)
    if index is None:
        raise RemoteError(488, "no audio stream of the offer can be used")
    media = session.media[index]
    common = _common(media, capabilities)
    mux = audio.rtcp_mux(media) and not _mistakable(common)
    negotiated = _negotiated(session, media, common, common, capabilities, mux=mux)
    line = _audio_line(local, common, negotiated.ptime_ms, negotiated.direction, mux=negotiated.rtcp_mux)
    lines = tuple(line if i == index else _refused(each) for i, each in enumerate(session.media))
    return serialize(_description(local, session.time, lines)), negotiated


def accept_answer(
    offer: bytes,
    answer: bytes,
    capabilities: AudioCapabilities = DEFAULT_CAPABILITIES,
) -> NegotiatedAudio:
    """What came of an offer of ours. Raises RemoteError 488 when audio was refused, 400 when the answer is no answer.

    Raises LocalError when the offer is not one of ours.
    """
    try:
        ours = parse(offer)
    except RemoteError as error:
        raise LocalError(f"the offer is not ours: {error.reason}") from error
    if not ours.media or ours.host is None:
        raise LocalError("the offer is not ours")
    session = parse(answer)
    if len(session.media) != len(ours.media):
        # §6: one m-line in the answer for each in the offer, in its order.
        raise RemoteError(400, "the answer has another number of m-lines than the offer")
    offered, media = ours.media[0], session.media[0]
    if (media.kind, media.protocol.upper()) != (offered.kind, offered.protocol):
        raise RemoteError(400, "the answer has another medium than the offer")
    if not _usable(session, media, ip_address(ours.host).version, capabilities):
        raise RemoteError(488, "the answer refuses audio")
    theirs, own = _common(media, capabilities), audio.formats(offered)
    agreed = {_kind(each) for each in theirs} & {_kind(each) for each in own}
    sendable = [each for each in theirs if _kind(each) in agreed]
    receivable = [each for each in own if _kind(each) in agreed]
    if not _voice(sendable):
        raise RemoteError(488, "the answer has no codec of the offer")
    # RFC 5761 §5.1.1: an answer to an offer without rtcp-mux cannot bring it in.
    mux = audio.rtcp_mux(offered) and audio.rtcp_mux(media)
    negotiated = _negotiated(session, media, sendable, receivable, capabilities, mux=mux)
    # §6.1: the answer can only narrow what was offered, whatever it says.
    return replace(
        negotiated, direction=_both(negotiated.direction, stated_direction(offered.attributes) or "sendrecv")
    )


def _negotiated(
    session: SessionDescription,
    media: Media,
    sendable: list[Format],
    receivable: list[Format],
    capabilities: AudioCapabilities,
    *,
    mux: bool,
) -> NegotiatedAudio:
    host = _remote_host(session, media)
    rtcp_host, rtcp_port = (str(host), media.port) if mux else _remote_rtcp(media, host)
    stated = stated_direction(media.attributes) or stated_direction(session.attributes) or "sendrecv"
    ours = _MIRROR[stated]
    if host.is_unspecified:
        # §8.4: the old way to put on hold; it says where not to send, and nothing about what is received.
        ours = _both(ours, "recvonly")
    voice = _voice(sendable)
    event = _first(sendable, TELEPHONE_EVENT)
    ptime_ms, max_bit_rate = audio.ptime_ms(media, capabilities.ptime_ms), None
    if voice[0].name == OPUS:
        ptime_ms = audio.opus_ptime_ms(media, voice[0].payload_type, ptime_ms)
        max_bit_rate = audio.opus_bit_rate(media, voice[0].payload_type)
    # Opus has a way of its own to say nothing (RFC 7587 §3.1.3), and comfort noise the clock of the others.
    noise = _first(sendable, COMFORT_NOISE) if voice[0].clock_hz == RATE_HZ else None
    return NegotiatedAudio(
        remote_host=str(host),
        remote_port=media.port,
        remote_rtcp_host=rtcp_host,
        remote_rtcp_port=rtcp_port,
        rtcp_mux=mux,
        codec=voice[0].name,
        payload_type=voice[0].payload_type,
        receive_payload_types=MappingProxyType({e.payload_type: e.name for e in _voice(receivable)}),
        dtmf_payload_type=_payload_type(event),
        receive_dtmf_payload_type=_payload_type(_first(receivable, TELEPHONE_EVENT)),
        dtmf_clock_hz=event.clock_hz if event else RATE_HZ,
        comfort_noise_payload_type=_payload_type(noise),
        receive_comfort_noise_payload_type=_payload_type(_first(receivable, COMFORT_NOISE)),
        ptime_ms=ptime_ms,
        max_bit_rate=max_bit_rate,
        direction=ours,
    )


def _usable(session: SessionDescription, media: Media, family: int, capabilities: AudioCapabilities) -> bool:
    if media.kind != "audio" or media.protocol.upper() != PROTOCOL or media.port == 0 or media.port_count != 1:
        return False
    try:
        host = _remote_host(session, media)
    except ValueError:
        # A name: to look it up is more than a media address is worth, and nobody sends one.
        return False
    if not _single(host) or (host.version != family and not host.is_unspecified):
        return False
    return bool(_voice(_common(media, capabilities)))


def _single(host: IPv4Address | IPv6Address) -> bool:
    """Neither a group of listeners nor everybody."""
    return not host.is_multicast and str(host) != "255.255.255.255"


def _remote_host(session: SessionDescription, media: Media) -> IPv4Address | IPv6Address:
    """Where the remote wants its media. Raises ValueError for a name, RemoteError 400 when nothing is said."""
    host = media.host or session.host
    if host is None:
        raise RemoteError(400, "SDP has an m-line without a c= line")
    return _number(host)


def _remote_rtcp(media: Media, rtp_host: IPv4Address | IPv6Address) -> tuple[str, int]:
    """Where RTCP of its own port goes. Raises RemoteError 400."""
    text, port = audio.rtcp_address(media)
    try:
        host = rtp_host if text is None else _number(text)
    except ValueError:
        host = rtp_host  # a name is not looked up, as for RTP; reports are not worth refusing the call
    if host.version != rtp_host.version or host.is_unspecified or not _single(host):
        host = rtp_host
    return str(host), port


def _number(text: str) -> IPv4Address | IPv6Address:
    """A numeric address, IPv4 in IPv6 clothes undressed. Raises ValueError for a name."""
    number = ip_address(text)
    if isinstance(number, IPv6Address) and number.ipv4_mapped is not None:
        return number.ipv4_mapped
    return number


def _common(media: Media, capabilities: AudioCapabilities) -> list[Format]:
    """What both ends can do, each once, in the remote's order."""
    known = set(capabilities.codecs)
    if capabilities.dtmf:
        known.add(TELEPHONE_EVENT)
    if capabilities.comfort_noise:
        known.add(COMFORT_NOISE)
    found: dict[tuple[str, int], Format] = {}
    for each in audio.formats(media):
        if each.name in known:
            found.setdefault(_kind(each), each)
    return _one_event(list(found.values()))


def _one_event(common: list[Format]) -> list[Format]:
    """Of telephone-event the one with the clock of the codec that is sent, else of 8000 Hz (RFC 4733 §2.1)."""
    voice = _voice(common)
    events = {each.clock_hz: each for each in common if each.name == TELEPHONE_EVENT}
    fitting = (events.get(voice[0].clock_hz) if voice else None) or events.get(RATE_HZ)
    return [each for each in common if each.name != TELEPHONE_EVENT or each is fitting]


def _kind(each: Format) -> tuple[str, int]:
    return each.name, each.clock_hz


def _clock_hz(codec: str) -> int:
    return OPUS_CLOCK_HZ if codec == OPUS else RATE_HZ


def _voice(chosen: list[Format]) -> list[Format]:
    return [each for each in chosen if each.name not in (TELEPHONE_EVENT, COMFORT_NOISE)]


def _mistakable(chosen: list[Format]) -> bool:
    """Whether one's payload type, behind a marker, would look like RTCP on a shared port (RFC 5761 §4)."""
    return any(64 <= each.payload_type <= 95 for each in chosen)


def _first(chosen: list[Format], name: str) -> Format | None:
    return next((each for each in chosen if each.name == name), None)


def _payload_type(chosen: Format | None) -> int | None:
    return None if chosen is None else chosen.payload_type


def _both(one: str, other: str) -> str:
    """The direction that both allow."""
    send = one in {"sendrecv", "sendonly"} and other in {"sendrecv", "sendonly"}
    receive = one in {"sendrecv", "recvonly"} and other in {"sendrecv", "recvonly"}
    if send:
        return "sendrecv" if receive else "sendonly"
    return "recvonly" if receive else "inactive"


def _description(local: LocalMedia, time: str, media: tuple[Media, ...]) -> SessionDescription:
    origin = Origin("-", str(local.session_id), str(local.version), local.host)
    return SessionDescription(origin, host=local.host, time=time, media=media)


def _audio_line(local: LocalMedia, chosen: list[Format], ptime_ms: int, way: str, *, mux: bool = False) -> Media:
    attributes: list[Attribute] = []
    for each in chosen:
        name = _SPELLING.get(each.name, each.name)
        channels = "/2" if each.name == OPUS else ""
        attributes.append(Attribute("rtpmap", f"{each.payload_type} {name}/{each.clock_hz}{channels}"))
        if each.name in _PARAMETERS:
            attributes.append(Attribute("fmtp", f"{each.payload_type} {_PARAMETERS[each.name]}"))
    if mux:
        attributes.append(Attribute("rtcp-mux"))
    attributes += [Attribute("ptime", str(ptime_ms)), Attribute(way)]
    numbers = tuple(str(each.payload_type) for each in chosen)
    return Media("audio", local.port, PROTOCOL, numbers, attributes=tuple(attributes))


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats)


def _check(local: LocalMedia, capabilities: AudioCapabilities) -> None:
    try:
        host = ip_address(local.host)
    except ValueError as error:
        raise LocalError(f"{local.host!r} is not a numeric host") from error
    if host.is_unspecified:
        # It would read as hold (§8.4): the remote must be told an address that it can reach.
        raise LocalError(f"{local.host} is no address to send media to")
    if not 0 < local.port < 65_535 or local.session_id < 0 or local.version < 0:
        raise LocalError(f"{local} cannot be offered")
    if not capabilities.codecs or not set(capabilities.codecs) <= _PAYLOAD_TYPES.keys():
        raise LocalError(f"codecs {capabilities.codecs} are not some of {tuple(_PAYLOAD_TYPES)}")
    if not MIN_PTIME_MS <= capabilities.ptime_ms <= MAX_PTIME_MS or capabilities.ptime_ms % 10:
        raise LocalError(f"ptime {capabilities.ptime_ms} ms cannot be sent")
