"""Offer and answer of one audio stream (RFC 3264)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType

from sip.errors import LocalError, RemoteError
from sip.sdp import audio
from sip.sdp.audio import COMFORT_NOISE, TELEPHONE_EVENT, Format
from sip.sdp.limits import MAX_PTIME_MS, MIN_PTIME_MS
from sip.sdp.model import DIRECTIONS, Attribute, Media, Origin, Session, stated_direction
from sip.sdp.parser import parse
from sip.sdp.serializer import serialize

PROTOCOL = "RTP/AVP"
DTMF_EVENTS = "0-15"
OFFERED_DTMF_PAYLOAD_TYPE = 101
_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}

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
    comfort_noise_payload_type: int | None
    receive_comfort_noise_payload_type: int | None
    ptime_ms: int
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
    chosen = [Format(_PAYLOAD_TYPES[codec], codec) for codec in capabilities.codecs]
    if capabilities.dtmf:
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
    agreed = {each.name for each in theirs} & {each.name for each in own}
    sendable = [each for each in theirs if each.name in agreed]
    receivable = [each for each in own if each.name in agreed]
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
    session: Session,
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
    return NegotiatedAudio(
        remote_host=str(host),
        remote_port=media.port,
        remote_rtcp_host=rtcp_host,
        remote_rtcp_port=rtcp_port,
        rtcp_mux=mux,
        codec=voice[0].name,
        payload_type=voice[0].payload_type,
        receive_payload_types=MappingProxyType({e.payload_type: e.name for e in _voice(receivable)}),
        dtmf_payload_type=_payload_type(sendable, TELEPHONE_EVENT),
        receive_dtmf_payload_type=_payload_type(receivable, TELEPHONE_EVENT),
        comfort_noise_payload_type=_payload_type(sendable, COMFORT_NOISE),
        receive_comfort_noise_payload_type=_payload_type(receivable, COMFORT_NOISE),
        ptime_ms=audio.ptime_ms(media, capabilities.ptime_ms),
        direction=ours,
    )


def _usable(session: Session, media: Media, family: int, capabilities: AudioCapabilities) -> bool:
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


def _remote_host(session: Session, media: Media) -> IPv4Address | IPv6Address:
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
    found: dict[str, Format] = {}
    for each in audio.formats(media):
        if each.name in known:
            found.setdefault(each.name, each)
    return list(found.values())


def _voice(chosen: list[Format]) -> list[Format]:
    return [each for each in chosen if each.name not in (TELEPHONE_EVENT, COMFORT_NOISE)]


def _mistakable(chosen: list[Format]) -> bool:
    """Whether one's payload type, behind a marker, would look like RTCP on a shared port (RFC 5761 §4)."""
    return any(64 <= each.payload_type <= 95 for each in chosen)


def _payload_type(chosen: list[Format], name: str) -> int | None:
    return next((each.payload_type for each in chosen if each.name == name), None)


def _both(one: str, other: str) -> str:
    """The direction that both allow."""
    send = one in {"sendrecv", "sendonly"} and other in {"sendrecv", "sendonly"}
    receive = one in {"sendrecv", "recvonly"} and other in {"sendrecv", "recvonly"}
    if send:
        return "sendrecv" if receive else "sendonly"
    return "recvonly" if receive else "inactive"


def _description(local: LocalMedia, time: str, media: tuple[Media, ...]) -> Session:
    origin = Origin("-", str(local.session_id), str(local.version), local.host)
    return Session(origin, host=local.host, time=time, media=media)


def _audio_line(local: LocalMedia, chosen: list[Format], ptime_ms: int, way: str, *, mux: bool = False) -> Media:
    attributes: list[Attribute] = []
    for each in chosen:
        name = each.name.lower() if each.name == TELEPHONE_EVENT else each.name
        attributes.append(Attribute("rtpmap", f"{each.payload_type} {name}/8000"))
        if each.name == TELEPHONE_EVENT:
            attributes.append(Attribute("fmtp", f"{each.payload_type} {DTMF_EVENTS}"))
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
