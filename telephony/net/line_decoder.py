"""What a line hears: payload becomes PCM without holes."""

from offhook.telephony.net.line_codecs import LineCodecs
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.plc import Concealer
from offhook.telephony.rtp import AudioGap, AudioPayload
from offhook.telephony.rtp.comfort_noise import NoiseGenerator


class LineDecoder:
    """16-bit PCM at `rate_hz`. A gap is concealed by the codec where it can, or filled with comfort noise where the far
    end has described it."""

    def __init__(self, codecs: LineCodecs, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._concealer = Concealer(rate_hz)
        self._noise = NoiseGenerator()
        self.use(codecs)

    def use(self, codecs: LineCodecs) -> None:
        """Decode with these from now on."""
        self._codecs = codecs
        self._latest = codecs.decoder

    def audio(self, event: AudioPayload) -> bytes:
        """A packet's audio."""
        self._latest = self._codecs.decoders.get(event.payload_type) or self._codecs.decoder
        return self.decoded(self._latest.stream.decode(event.payload))

    def decoded(self, pcm: bytes) -> bytes:
        """Audio that has been decoded already."""
        return self._concealer.good(pcm)

    def gap(self, gap: AudioGap) -> bytes:
        """What stands in for audio that did not come."""
        samples = gap.ticks * self._rate_hz // RATE_HZ
        if gap.noise is not None:
            return self._concealer.good(self._noise.make(gap.noise, samples))
        conceal = self._latest.stream.conceal
        if conceal is None:
            return self._concealer.lost(samples)
        payload_type, following = gap.following or (-1, None)
        same = self._codecs.decoders.get(payload_type) is self._latest
        return self._concealer.good(conceal(gap.ticks, following if same else None))
