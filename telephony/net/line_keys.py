"""One line's DTMF: keys from whatever way they come, each once; and the way by which ours go."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.telephony import tones
from offhook.telephony.dtmf_keys import KeyMerger, KeyPath
from offhook.telephony.dtmf_tones import DtmfTones
from offhook.telephony.listeners import LineListeners
from offhook.telephony.pcm import RATE_HZ
from offhook.telephony.rtp import RtpConfig
from offhook.telephony.rtp.dtmf_sender import parse_digits


@dataclass(frozen=True, slots=True)
class DtmfPaths:
    """By which ways keys are received, and sent.

    `receive` None: RFC 4733 and SIP INFO, and tones where telephone-event was not negotiated. `send` None: RFC 4733
    where it was negotiated, else by `info` if there is that, else tones. `info(digits)` sends keys by SIP INFO.
    """

    receive: frozenset[KeyPath] | None = None
    send: KeyPath | None = None
    info: Callable[[str], None] | None = None


class LineKeys:
    """The keys of a line at `rate_hz`; tones are heard at 8 kHz only."""

    __slots__ = ("_config", "_listeners", "_merger", "_paths", "_tones", "listens")

    def __init__(self, paths: DtmfPaths, listeners: LineListeners, config: RtpConfig, rate_hz: int) -> None:
        self._paths = paths
        self._listeners = listeners
        self._merger = KeyMerger()
        self._tones = DtmfTones() if rate_hz == RATE_HZ else None
        self.listens = False
        """Whether tones are listened for."""
        self.configure(config)

    def configure(self, config: RtpConfig) -> None:
        """Apply what was negotiated."""
        self._config = config
        wanted = self._paths.receive
        inband = config.receive_dtmf_payload_type is None if wanted is None else KeyPath.INBAND in wanted
        self.listens = inband and self._tones is not None and config.receive

    def hear(self, pcm: bytes, at_tick: int, at: float) -> bytes:
        """Look for tones in the next audio, whose end arrived at that time. Returns it, silent where a key sounds."""
        if self._tones is None:
            return pcm
        found = self._tones.receive(pcm)
        for digit, duration_ms in found:
            self.report(digit, KeyPath.INBAND, duration_ms, at_tick, at)
        return bytes(len(pcm)) if found or self._tones.sounding else pcm

    def report(self, digit: str, path: KeyPath, duration_ms: int, at_tick: int, at: float) -> None:
        """A key has come, and ended at that time: its listeners are called unless it had come by another way."""
        wanted = self._paths.receive
        if (wanted is None or path in wanted) and self._merger.is_new(digit, path, duration_ms, at):
            for on_dtmf in self._listeners.dtmf:
                on_dtmf(digit, at_tick)

    def send(
        self, digits: str, *, by_event: Callable[[str], None], play: Callable[[bytes], None], rate_hz: int
    ) -> None:
        """Send keys: `by_event(digits)`, by INFO, or `play(pcm)` at that rate. ValueError for anything but
        0-9 * # A-D."""
        path = self._paths.send or self._best()
        if path is KeyPath.RFC4733:
            by_event(digits)
            return
        digits = digits.upper()
        list(parse_digits(digits))  # raises
        if path is KeyPath.INFO and self._paths.info is not None:
            self._paths.info(digits)
        elif digits:
            play(tones.dtmf(digits, rate_hz=rate_hz))

    def _best(self) -> KeyPath:
        if self._config.dtmf_payload_type is not None:
            return KeyPath.RFC4733
        return KeyPath.INFO if self._paths.info is not None else KeyPath.INBAND
