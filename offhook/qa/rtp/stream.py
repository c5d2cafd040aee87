"""One RTP stream, analysed packet by packet: what came, when, and what is in it. Pure.

Theory of operation. A stream is one SSRC from one address to another. `receive` takes its packets as they come,
`summary` says at any time what they were; the state has a bound, however long the stream. Loss, order and duplicates
come from the sequence numbers of all packets; jitter (RFC 3550 §6.4.1), gaps and drift from the arrival of audio
packets in order; quality from the E-model (ITU-T G.107) by what a jitter buffer of 60 ms would have had: delay is half
of the round trip that RTCP tells, the buffer and a packet; echo and noise have the model's defaults. Audio is decoded
where the codec is one of offhook's with a byte per tick (G.711, G.722), unless it is encrypted.
"""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from offhook.qa.rtp.arrival import ClockDrift, Drift, Gap, Gaps, Lateness, LossCounts, Sequence, marker_may_be_lost
from offhook.qa.rtp.audio import Audio, AudioFigures, OnPcm, Timeline
from offhook.qa.rtp.dtmf import DtmfEvents, Press
from offhook.qa.rtp.encodings import COMFORT_NOISE, EVENT, STATIC, Encoding, Encodings
from offhook.telephony.codec import Codec, codec_named
from offhook.telephony.errors import LocalError, WireError
from offhook.telephony.rtp import emodel
from offhook.telephony.rtp.stats import JitterEstimator
from offhook.telephony.wire import telephone_event
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.serial import MASK32, delta32

BUFFER_MS = 60.0
DEFAULT_PACKET_MS = 20.0
MAX_PACKET_S = 0.2


class StreamSummary(NamedTuple):
    """What a stream was. Times are in seconds on the caller's clock; what could not be measured is None."""

    ssrc: int
    began_s: float
    ended_s: float
    packets: int
    octets: int
    codecs: dict[str, int]
    """Packets by encoding; "PT 97" where nothing says what that is."""
    payload_types: dict[int, int]
    loss: LossCounts
    jitter_ms: float | None
    jitter_max_ms: float | None
    jitter_mean_ms: float | None
    packet_ms: float
    longest_interval_ms: float
    """Between two packets, for whatever reason."""
    pace_max_ms: float
    """How far the time between two packets of one talk spurt was, at most, from that between their timestamps."""
    gaps: list[Gap]
    gap_count: int
    late: int
    drift: Drift | None
    audio: AudioFigures | None
    digits: str
    """Keys as events (RFC 4733)."""
    events: int
    unended: list[Press]
    doubled: list[Press]
    moving: list[Press]
    is_encrypted: bool
    mos: float | None
    r_factor: float | None

    @property
    def loss_share(self) -> float:
        """0 to 1."""
        return self.loss.lost / max(1, self.loss.expected)

    @property
    def seconds(self) -> float:
        """From the first packet to the last."""
        return self.ended_s - self.began_s


@dataclass(slots=True)
class _Jitter:
    estimator: JitterEstimator
    most: float = 0.0
    total: float = 0.0
    count: int = 0


class RtpStream:
    """The packets of one SSRC. `encodings` says what its payload types are (RFC 3551's static ones are known);
    `on_pcm` gets the decoded audio, see `Audio`."""

    def __init__(
        self, ssrc: int, encodings: Encodings | None = None, *, is_encrypted: bool = False, on_pcm: OnPcm | None = None
    ) -> None:
        self.ssrc = ssrc
        self.is_encrypted = is_encrypted
        self.packets = 0
        self.began_s = self.ended_s = 0.0
        self.longest_interval_s = 0.0
        self.one_way_delay_ms = 0.0
        """What is known of it, for the quality; the far ends' RTCP says."""
        self._encodings: dict[int, Encoding] = {**STATIC, **(encodings or {})}
        self._on_pcm = on_pcm
        self._octets = 0
        self._types: Counter[int] = Counter()
        self._sequence = Sequence()
        self._jitter = _Jitter(JitterEstimator())
        self._gaps = Gaps()
        self._drift = ClockDrift()
        self._lateness = Lateness(BUFFER_MS)
        self._dtmf = DtmfEvents()
        self._media: int | None = None  # of the latest audio packet in order, without wrap
        self._media_at_s = 0.0  # when that came
        self._pace_max_s = 0.0
        self._packet_units = 0
        self._after_pause = False
        self._codec_name = ""
        self._audio: Audio | None = None
        self._timeline: Timeline | None = None

    def describe(self, encodings: Encodings) -> None:
        """A session description has come: what it says goes before what was known."""
        self._encodings.update(encodings)

    def encoding_of(self, packet: RtpPacket) -> Encoding | None:
        """What a packet is; None: nothing says."""
        known = self._encodings.get(packet.payload_type)
        if known is None and packet.payload_type >= 96 and len(packet.payload) == telephone_event.OCTETS:
            return Encoding(EVENT)
        return known

    def receive(self, packet: RtpPacket, at_s: float, *, is_cut: bool = False) -> None:
        """One packet; `is_cut`: its payload was not captured as a whole."""
        if not self.packets:
            self.began_s = at_s
        else:
            self.longest_interval_s = max(self.longest_interval_s, at_s - self.ended_s)
        self.packets += 1
        self.ended_s = max(self.ended_s, at_s)
        self._octets += len(packet.payload)
        self._types[packet.payload_type] += 1
        duplicates = self._sequence.duplicate
        ahead = self._sequence.update(packet.sequence)
        is_copy = self._sequence.duplicate > duplicates
        encoding = self.encoding_of(packet)
        if encoding is not None and encoding.name == EVENT:
            if not is_copy:
                self._receive_event(packet, at_s)
        elif encoding is not None and encoding.name == COMFORT_NOISE:
            self._after_pause = True
            self._gaps.heard(at_s)
        else:
            self._receive_audio(packet, at_s, encoding, ahead, is_copy=is_copy, is_cut=is_cut)

    def _receive_event(self, packet: RtpPacket, at_s: float) -> None:
        self._gaps.heard(at_s)
        if self.is_encrypted:
            return
        try:
            event = telephone_event.parse(packet.payload)
        except WireError:
            return
        self._dtmf.receive(packet.ssrc, packet.timestamp, event, at_s, marker=packet.marker)

    def _receive_audio(
        self,
        packet: RtpPacket,
        at_s: float,
        encoding: Encoding | None,
        ahead: int | None,
        *,
        is_copy: bool,
        is_cut: bool,
    ) -> None:
        last = self._media
        step = delta32(packet.timestamp, last & MASK32) if last is not None else 0
        media = packet.timestamp if last is None else last + step
        clock_hz = encoding.clock_hz if encoding is not None else 0
        if clock_hz:
            self._measure_jitter(media, clock_hz, at_s)
        if is_copy:
            return
        if clock_hz:
            self._arrived(packet, at_s, media, step, clock_hz, ahead)
        if ahead is None or ahead > 0:
            self._media, self._media_at_s = media, at_s
        if encoding is not None and not self.is_encrypted and not is_cut:
            self._hear(encoding, media, packet.payload)

    def _measure_jitter(self, media: int, clock_hz: int, at_s: float) -> None:
        """By all packets, whatever their order: the RFC's own way (RFC 3550 A.8)."""
        jitter, estimator = self._jitter, self._jitter.estimator
        first = estimator.last is None
        estimator.update(media * 8_000 // clock_hz & MASK32, at_s)
        if not first:
            jitter.most = max(jitter.most, estimator.ticks)
            jitter.total += estimator.ticks
            jitter.count += 1

    def _arrived(self, packet: RtpPacket, at_s: float, media: int, step: int, clock_hz: int, ahead: int | None) -> None:
        media_s = media / clock_hz
        self._lateness.update(at_s, media_s)
        if ahead is not None and ahead <= 0:
            return
        self._drift.update(at_s, media_s)
        pause = self._after_pause or packet.marker or marker_may_be_lost(ahead, step, self._packet_units)
        if ahead == 1 and 0 < step <= MAX_PACKET_S * clock_hz:
            self._packet_units = self._packet_units or step
            if not pause:
                self._pace_max_s = max(self._pace_max_s, abs(at_s - self._media_at_s - step / clock_hz))
        packet_s = self._packet_units / clock_hz or DEFAULT_PACKET_MS / 1_000
        self._gaps.update(at_s, packet_s, (ahead or 1) - 1, follows_pause=pause)
        self._after_pause = False

    def _hear(self, encoding: Encoding, media: int, payload: bytes) -> None:
        if encoding.name != self._codec_name:
            if self._timeline is not None and self._audio is not None:
                # Figures are of the first codec alone; seldom is there another.
                return
            codec = _decodable(encoding)
            self._codec_name = encoding.name
            if codec is not None:
                self._audio = Audio(codec, self._on_pcm)
                self._timeline = Timeline(self._audio, codec.silence)
        if self._timeline is not None:
            self._timeline.put(media, payload)

    def finish(self) -> None:
        """Nothing more comes: what was held back is looked at, too."""
        self._dtmf.finish(self.ended_s)
        if self._timeline is not None:
            self._timeline.flush()

    @property
    def rate_hz(self) -> int | None:
        """Of the decoded audio; None: it is not decoded."""
        return self._audio.rate_hz if self._audio is not None else None

    def summary(self) -> StreamSummary:
        """What it was so far."""
        loss = self._sequence.counts()
        jitter = self._jitter
        measured = jitter.count > 0
        clock_hz = self._main_clock_hz()
        r_factor = self._r_factor(loss)
        return StreamSummary(
            ssrc=self.ssrc,
            began_s=self.began_s,
            ended_s=self.ended_s,
            packets=self.packets,
            octets=self._octets,
            codecs=self._codecs(),
            payload_types=dict(self._types),
            loss=loss,
            jitter_ms=jitter.estimator.ticks / 8 if measured else None,
            jitter_max_ms=jitter.most / 8 if measured else None,
            jitter_mean_ms=jitter.total / jitter.count / 8 if measured else None,
            packet_ms=1_000 * self._packet_units / clock_hz if self._packet_units else DEFAULT_PACKET_MS,
            longest_interval_ms=self.longest_interval_s * 1_000,
            pace_max_ms=self._pace_max_s * 1_000,
            gaps=list(self._gaps.found),
            gap_count=self._gaps.count,
            late=self._lateness.late,
            drift=self._drift.result(),
            audio=self._audio.figures() if self._audio is not None else None,
            digits="".join(digit.digit for digit in self._dtmf.digits),
            events=self._dtmf.events,
            unended=self._dtmf.unended,
            doubled=self._dtmf.doubled,
            moving=self._dtmf.moving,
            is_encrypted=self.is_encrypted,
            mos=emodel.mean_opinion(r_factor) if r_factor is not None else None,
            r_factor=r_factor,
        )

    def _codecs(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for number, count in self._types.most_common():
            known = self._encodings.get(number)
            is_key = known is None and self._dtmf.events and number >= 96
            found[known.name if known is not None else EVENT if is_key else f"PT {number}"] += count
        return dict(found)

    def _main_clock_hz(self) -> int:
        for number, _ in self._types.most_common():
            known = self._encodings.get(number)
            if known is not None and known.name not in (EVENT, COMFORT_NOISE):
                return known.clock_hz
        return 8_000

    def _r_factor(self, loss: LossCounts) -> float | None:
        """None for codecs of which the model's parameters are not known here."""
        main = max(self._codecs().items(), key=lambda each: each[1], default=("", 0))[0]
        if main not in ("PCMU", "PCMA", "G722"):
            return None
        share = min(1.0, (loss.lost + self._lateness.late) / max(1, loss.expected))
        burst = emodel.burst_ratio(loss.lost, loss.runs, share)
        return emodel.r_factor(self.one_way_delay_ms + BUFFER_MS + DEFAULT_PACKET_MS, share, burst_ratio=burst)


def _decodable(encoding: Encoding) -> Codec | None:
    """The codec, if its payload has a fixed number of bytes per time and its coder is installed."""
    try:
        codec = codec_named(encoding.name)
        if codec.bytes_per_tick != 1 or encoding.clock_hz != 8_000:
            return None
        codec.decoder()
    except LocalError:
        return None
    return codec
