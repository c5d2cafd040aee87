"""Offer and answer of one audio stream (RFC 3264)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType

from offhook.sip.errors import LocalError, NotAcceptableError, RemoteError
from offhook.sip.sdp import audio, crypto
from offhook.sip.sdp.audio import COMFORT_NOISE, OPUS, RATE_HZ, TELEPHONE_EVENT, Format
from offhook.sip.sdp.codecs import (
    PAYLOAD_TYPES,
    AudioCapabilities,
    common_formats,
    kind,
    mistakable,
    numbered,
    voice,
)
from offhook.sip.sdp.crypto import PLAIN, SECURE, NegotiatedSrtp, SrtpPolicy
from offhook.sip.sdp.limits import MAX_PTIME_MS, MAX_REFUSED_FORMATS, MIN_PTIME_MS
from offhook.sip.sdp.model import DIRECTIONS, Attribute, Media, Origin, SessionDescription, stated_direction
from offhook.sip.sdp.parser import parse
from offhook.sip.sdp.serializer import serialize

DTMF_EVENTS = "0-15"
OPUS_PARAMETERS = "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1"
"""RFC 7587 §6.1: audio above 16 kHz is neither decoded nor sent; lost packets are recovered by FEC."""

INCOMPATIBLE_ADDRESS, INCOMPATIBLE_TRANSPORT, MEDIA_NOT_AVAILABLE, INCOMPATIBLE_FORMAT = 301, 302, 304, 305
"""Warn-codes (RFC 3261 §20.43)."""

_SPELLING = {OPUS: "opus", TELEPHONE_EVENT: "telephone-event"}
_PARAMETERS = {OPUS: OPUS_PARAMETERS, TELEPHONE_EVENT: DTMF_EVENTS}

_MIRROR = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


@dataclass(frozen=True, slots=True)
class LocalMedia:
    """Where we receive: a numeric host and the RTP port (RTCP is the next). `version` increases with every change."""

    host: str
    port: int
    session_id: int
    version: int


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
    """Payload type to codec name; read-only."""
    dtmf_payload_type: int | None
    receive_dtmf_payload_type: int | None
    dtmf_clock_hz: int
    comfort_noise_payload_type: int | None
    receive_comfort_noise_payload_type: int | None
    ptime_ms: int
    max_bit_rate: int | None
    """The maximum of what we send, in bit/s."""
    direction: str
    """As seen from us."""
    srtp: NegotiatedSrtp | None = None
    """None: media is not encrypted."""


DEFAULT_CAPABILITIES = AudioCapabilities()


def make_offer(
    local: LocalMedia,
    capabilities: AudioCapabilities = DEFAULT_CAPABILITIES,
    direction: str = "sendrecv",
    *,
    before: SessionDescription | None = None,
    numbers: Mapping[int, Format] = MappingProxyType({}),
    keys: NegotiatedSrtp | None = None,
) -> bytes:
    """An offer of one audio stream. Raises LocalError.

    In a dialog, `before` is our latest description and `numbers` what each payload type has meant so far, at either
    end: the m-lines keep their places (RFC 3264 §8), and a number its meaning (§8.3.2). `keys` are those in use.
    """
    if direction not in DIRECTIONS:
        raise LocalError(f"{direction!r} is not a direction")
    _check(local, capabilities)
    lines = () if before is None else before.media
    active = _place(lines)
    known = audio.formats(lines[active]) if active is not None else []
    chosen = numbered(capabilities, known, numbers)
    mux = active is not None and audio.rtcp_mux(lines[active])
    line = _audio_line(local, chosen, capabilities.ptime_ms, direction, mux=mux)
    protocol = SECURE if capabilities.srtp.policy is SrtpPolicy.REQUIRED else PLAIN
    if keys is not None and active is not None:
        protocol = lines[active].protocol
    line = _with_keys(line, protocol, crypto.offering(capabilities.srtp, keys))
    if active is None:
        # §8.1: a new stream comes after all others.
        lines, active = (*lines, line), len(lines)
    media = tuple(line if i == active else _refused(each) for i, each in enumerate(lines))
    return serialize(_description(local, "0 0" if before is None else before.time, media))


def _place(lines: Sequence[Media]) -> int | None:
    """The m-line of our stream: the one in use, else audio that the remote has disabled (§8.2)."""
    in_use = [i for i, each in enumerate(lines) if each.port]
    audio_lines = [i for i, each in enumerate(lines) if each.kind == "audio"]
    return next(iter(in_use + audio_lines), None)


def disable_all(offer: bytes, local: LocalMedia) -> bytes | None:
    """The answer to an offer in a dialog that disables every stream (port 0, §8.2); None to any other offer.

    Raises RemoteError 400.
    """
    session = parse(offer)
    if not is_disabled(session):
        return None
    return serialize(_description(local, session.time, tuple(_refused(each) for each in session.media)))


def is_disabled(session: SessionDescription) -> bool:
    """Whether audio is among the streams, and each of them has port 0."""
    return any(each.kind == "audio" for each in session.media) and not any(each.port for each in session.media)


def answer_offer(
    offer: bytes,
    local: LocalMedia,
    capabilities: AudioCapabilities = DEFAULT_CAPABILITIES,
    *,
    keys: NegotiatedSrtp | None = None,
) -> tuple[bytes, NegotiatedAudio]:
    """The answer to an offer, and the agreed media. `keys` are those in use.

    Takes the first audio stream that can be used, an encrypted one before others, and refuses the others (port 0).
    Raises NotAcceptableError (488) when there is none, RemoteError 400 when the offer is malformed; LocalError.
    """
    _check(local, capabilities)
    session = parse(offer)
    fitting = [i for i, each in enumerate(session.media) if _problem(session, each, local.host, capabilities) is None]
    if not fitting:
        # Not from a name of this function: an error whose traceback has a frame that has the error is a cycle.
        raise _worst([_problem(session, each, local.host, capabilities) for each in session.media])
    index = next((i for i in fitting if crypto.usable(session.media[i], capabilities.srtp)), fitting[0])
    media = session.media[index]
    common = common_formats(media, capabilities)
    mux = audio.rtcp_mux(media) and not mistakable(common)
    negotiated = _negotiated(session, media, common, common, capabilities, mux=mux)
    line = _audio_line(local, common, negotiated.ptime_ms, negotiated.direction, mux=negotiated.rtcp_mux)
    if (secured := crypto.answering(media, capabilities.srtp, keys)) is not None:
        line = _with_keys(line, media.protocol, [secured[0]])
        negotiated = replace(negotiated, srtp=secured[1])
    lines = tuple(line if i == index else _refused(each) for i, each in enumerate(session.media))
    return serialize(_description(local, session.time, lines)), negotiated


def accept_answer(
    offer: bytes,
    answer: bytes,
    capabilities: AudioCapabilities = DEFAULT_CAPABILITIES,
) -> NegotiatedAudio:
    """The media agreed on by the answer to our offer.

    Raises NotAcceptableError when audio was refused, RemoteError 400 when the answer does not fit the offer, LocalError
    when the offer is not ours.
    """
    try:
        ours = parse(offer)
    except RemoteError as error:
        raise LocalError(f"the offer is not ours: {error.reason}") from error
    index = next((i for i, each in enumerate(ours.media) if each.port), None)
    if index is None or ours.host is None:
        raise LocalError("the offer is not ours")
    session = parse(answer)
    if len(session.media) <= index:
        # §6: one m-line in the answer for each in the offer, in its order. Further ones do not matter.
        raise RemoteError(400, "the answer has too few m-lines")
    offered, media = ours.media[index], session.media[index]
    if (media.kind, media.protocol.upper()) != (offered.kind, offered.protocol):
        raise RemoteError(400, "the answer has another medium than the offer")
    if _problem(session, media, ours.host, capabilities) is not None:
        raise _worst([_problem(session, media, ours.host, capabilities)])
    theirs, own = common_formats(media, capabilities), audio.formats(offered)
    agreed = {kind(each) for each in theirs} & {kind(each) for each in own}
    sendable = [each for each in theirs if kind(each) in agreed]
    receivable = [each for each in own if kind(each) in agreed]
    if not voice(sendable):
        raise NotAcceptableError("the answer has no codec of the offer", INCOMPATIBLE_FORMAT)
    # RFC 5761 §5.1.1: an answer cannot add rtcp-mux to an offer without it.
    mux = audio.rtcp_mux(offered) and audio.rtcp_mux(media)
    negotiated = _negotiated(session, media, sendable, receivable, capabilities, mux=mux)
    # §6.1: the answer can only narrow what was offered.
    direction = _both(negotiated.direction, stated_direction(offered.attributes) or "sendrecv")
    try:
        srtp = crypto.accepted(offered, media, capabilities.srtp)
    except ValueError as error:
        raise RemoteError(400, str(error)) from error
    return replace(negotiated, direction=direction, srtp=srtp)


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
        # §8.4: the old form of hold; it stops what we send, not what we receive.
        ours = _both(ours, "recvonly")
    codecs = voice(sendable)
    event = _first(sendable, TELEPHONE_EVENT)
    ptime_ms, max_bit_rate = audio.ptime_ms(media, capabilities.ptime_ms), None
    if codecs[0].name == OPUS:
        ptime_ms = audio.opus_ptime_ms(media, codecs[0].payload_type, ptime_ms)
        max_bit_rate = audio.opus_bit_rate(media, codecs[0].payload_type)
    # Opus has its own DTX (RFC 7587 §3.1.3), and comfort noise has the clock of the other codecs.
    noise = _first(sendable, COMFORT_NOISE) if codecs[0].clock_hz == RATE_HZ else None
    return NegotiatedAudio(
        remote_host=str(host),
        remote_port=media.port,
        remote_rtcp_host=rtcp_host,
        remote_rtcp_port=rtcp_port,
        rtcp_mux=mux,
        codec=codecs[0].name,
        payload_type=codecs[0].payload_type,
        receive_payload_types=MappingProxyType({e.payload_type: e.name for e in voice(receivable)}),
        dtmf_payload_type=_payload_type(event),
        receive_dtmf_payload_type=_payload_type(_first(receivable, TELEPHONE_EVENT)),
        dtmf_clock_hz=event.clock_hz if event else RATE_HZ,
        comfort_noise_payload_type=_payload_type(noise),
        receive_comfort_noise_payload_type=_payload_type(_first(receivable, COMFORT_NOISE)),
        ptime_ms=ptime_ms,
        max_bit_rate=max_bit_rate,
        direction=ours,
    )


def _problem(
    session: SessionDescription, media: Media, local_host: str, capabilities: AudioCapabilities
) -> RemoteError | None:
    """Why a stream cannot be used; None if it can."""
    if media.kind != "audio":
        return NotAcceptableError("no audio stream is offered", MEDIA_NOT_AVAILABLE)
    if media.port == 0:
        return NotAcceptableError("audio is refused", MEDIA_NOT_AVAILABLE)
    if (why := crypto.transport_problem(media, capabilities.srtp)) is not None:
        return NotAcceptableError(why, INCOMPATIBLE_TRANSPORT)
    if media.port > audio.MAX_PORT or not media.formats:
        return RemoteError(400, "SDP has a malformed m-line")
    try:
        host = _remote_host(session, media)
    except RemoteError as error:
        return error
    except ValueError:
        # Names are not resolved: nobody sends one as a media address.
        return NotAcceptableError("the address of audio is not a number", INCOMPATIBLE_ADDRESS)
    if not _single(host) or media.port_count != 1:
        return NotAcceptableError("audio must have one address and one port", INCOMPATIBLE_ADDRESS)
    if host.version != ip_address(local_host).version and not host.is_unspecified:
        return NotAcceptableError("audio has an address of the other IP version", INCOMPATIBLE_ADDRESS)
    if not voice(common_formats(media, capabilities)):
        return NotAcceptableError(f"audio must be one of {', '.join(capabilities.codecs)}", INCOMPATIBLE_FORMAT)
    return None


def _worst(problems: Sequence[RemoteError | None]) -> RemoteError:
    """The most telling problem: something malformed, else something wrong with audio, else that there is none."""
    found = [each for each in problems if each is not None]
    about_audio = [each for each in found if getattr(each, "warn_code", 0) != MEDIA_NOT_AVAILABLE]
    malformed = [each for each in found if each.status == 400]
    nothing = NotAcceptableError("no audio stream is offered", MEDIA_NOT_AVAILABLE)
    return next(iter([*malformed, *about_audio, *found, nothing]))


def _single(host: IPv4Address | IPv6Address) -> bool:
    """Neither multicast nor broadcast."""
    return not host.is_multicast and str(host) != "255.255.255.255"


def _remote_host(session: SessionDescription, media: Media) -> IPv4Address | IPv6Address:
    """Where the remote wants its media. Raises ValueError for a name, RemoteError 400 without an address."""
    host = media.host if media.host is not None else session.host
    if not host:
        raise RemoteError(400, "SDP has an m-line without a c= line" if host is None else "SDP has a malformed c= line")
    return _number(host)


def _remote_rtcp(media: Media, rtp_host: IPv4Address | IPv6Address) -> tuple[str, int]:
    """Where RTCP on its own port goes."""
    text, port = audio.rtcp_address(media)
    try:
        host = rtp_host if text is None else _number(text)
    except ValueError:
        host = rtp_host  # names are not resolved, as for RTP; RTCP isn't worth refusing the call
    if host.version != rtp_host.version or host.is_unspecified or not _single(host):
        host = rtp_host
    return str(host), port


def _number(text: str) -> IPv4Address | IPv6Address:
    """A numeric address, IPv4-mapped IPv6 as IPv4. Raises ValueError for a name."""
    number = ip_address(text)
    if isinstance(number, IPv6Address) and number.ipv4_mapped is not None:
        return number.ipv4_mapped
    return number


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
    return Media("audio", local.port, PLAIN, numbers, attributes=tuple(attributes))


def _with_keys(line: Media, protocol: str, keys: list[crypto.Crypto]) -> Media:
    return replace(line, protocol=protocol, attributes=(*crypto.attributes(keys), *line.attributes))


def _refused(media: Media) -> Media:
    return Media(media.kind, 0, media.protocol, media.formats[:MAX_REFUSED_FORMATS])


def _check(local: LocalMedia, capabilities: AudioCapabilities) -> None:
    try:
        host = ip_address(local.host)
    except ValueError as error:
        raise LocalError(f"{local.host!r} is not a numeric host") from error
    if host.is_unspecified:
        # It would read as hold (§8.4): the remote needs an address that it can reach.
        raise LocalError(f"{local.host} is not an address to send media to")
    if not 0 < local.port < 65_535 or local.session_id < 0 or local.version < 0:
        raise LocalError(f"{local} cannot be offered")
    if not capabilities.codecs or not set(capabilities.codecs) <= PAYLOAD_TYPES.keys():
        raise LocalError(f"codecs {capabilities.codecs} are not among {tuple(PAYLOAD_TYPES)}")
    if not MIN_PTIME_MS <= capabilities.ptime_ms <= MAX_PTIME_MS or capabilities.ptime_ms % 10:
        raise LocalError(f"ptime {capabilities.ptime_ms} ms cannot be sent")
