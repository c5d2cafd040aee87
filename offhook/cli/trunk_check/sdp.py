"""A look at the far end's session description, whether it can be used or not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from offhook.cli.trunk_check.report import shown
from offhook.cli.trunk_check.scope import is_out_of_reach
from offhook.sip.errors import RemoteError
from offhook.sip.net.address import numeric
from offhook.sip.sdp import audio
from offhook.sip.sdp.model import Media, SessionDescription, stated_direction
from offhook.sip.sdp.negotiate import NegotiatedAudio
from offhook.sip.sdp.parser import parse
from offhook.usererror import Problem


@dataclass(frozen=True, slots=True)
class Description:
    """What an answer says of its first audio stream."""

    host: str
    port: int
    protocol: str
    codecs: tuple[str, ...]
    direction: str
    has_keys: bool
    ptime_ms: int

    @classmethod
    def of(cls, sdp: bytes) -> "Description | None":
        """Read one; None without an audio stream, or where it cannot be read."""
        try:
            session = parse(sdp)
        except RemoteError:
            return None
        media = next((each for each in session.media if each.kind == "audio"), None)
        return None if media is None else cls._of(session, media)

    @classmethod
    def _of(cls, session: SessionDescription, media: Media) -> "Description":
        host = (media.host if media.host is not None else session.host) or ""
        direction = stated_direction(media.attributes) or stated_direction(session.attributes) or "sendrecv"
        names = [each.name for each in audio.formats(media)]
        unknown = [f"type {each}" for each in media.formats if not names][:4]
        return cls(
            shown(host),
            media.port,
            shown(media.protocol),
            tuple(dict.fromkeys(names or unknown)),
            direction,
            bool(media.values("crypto")),
            audio.ptime_ms(media, 20),
        )

    def text(self) -> str:
        """One line."""
        keys = ", with keys" if self.has_keys else ""
        codecs = ", ".join(self.codecs)
        return f"{codecs} at {self.host}:{self.port} ({self.protocol}{keys}), {self.ptime_ms} ms, {self.direction}"

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "host": self.host,
            "port": self.port,
            "protocol": self.protocol,
            "codecs": list(self.codecs),
            "direction": self.direction,
            "ptime_ms": self.ptime_ms,
        }


def faults(found: Description, signalling_host: str, agreed: NegotiatedAudio | None, srtp: str) -> Iterator[Problem]:
    """What keeps audio from passing, or some of it; `signalling_host` is where SIP comes from, `srtp` the setting."""
    yield from _address_faults(found, signalling_host)
    if agreed is None:
        return
    if agreed.direction != "sendrecv":
        what = f"the answer is {found.direction}: audio passes one way only"
        yield Problem(what, "the far end is on hold, or wants no audio", "the one who was called may know why")
    if agreed.dtmf_payload_type is None:
        why = "the answer has no RFC 4733: keys come in the audio, or by SIP INFO"
        todo = '`dtmf = "info"` or `"inband"` below `[trunks.NAME]`, or RFC 4733 switched on at the trunk'
        yield Problem("keys are not sent as RTP events", why, todo)
    if srtp == "preferred" and agreed.srtp is None:
        why = "the answer has no keys, and `rtp.srtp` is preferred only"
        yield Problem("media is not encrypted", why, "SRTP switched on at the trunk; TLS is usually needed for it")


def _address_faults(found: Description, signalling_host: str) -> Iterator[Problem]:
    number = numeric(found.host)
    if number is not None and number.is_unspecified:
        yield Problem("the answer has no address for media (0.0.0.0)", "that is an old form of hold", "ask the trunk")
    elif is_out_of_reach(found.host, signalling_host):
        what = f"the far end wants its media at {found.host}, a private address"
        why = f"its SIP comes from {signalling_host}: it does not know its own address there, and may not hear us"
        todo = "the far end's setting for its external address (external_media_address, ext-rtp-ip, NAT)"
        yield Problem(what, why, todo)
