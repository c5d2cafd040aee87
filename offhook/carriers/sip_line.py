"""What a call over SIP needs of its line, whatever carries its media."""

from collections.abc import Mapping
from typing import Protocol

from offhook.calls.line import CallLine, LineStats
from offhook.telephony.net.line_keys import DtmfPaths
from offhook.telephony.rtp.config import RtpConfig


class SipLineStats(LineStats, Protocol):
    """See `RtpStats`."""

    @property
    def packets_received(self) -> int:
        """Those of RTP that were accepted."""

    @property
    def srtp(self) -> int:
        """1 where media is encrypted, else 0."""

    @property
    def remote_lost(self) -> int | None:
        """What the far end reports to have lost; None until it reports."""


class SipLine(CallLine, Protocol):
    """A line over RTP."""

    def start(self, *, confirmed: bool = True) -> None:
        """Begin to receive, and, once it is `confirmed`, to send what is queued."""

    def stats(self) -> SipLineStats:
        """What was received and sent so far; works after `close`, too."""

    def use_dtmf(self, paths: DtmfPaths) -> None:
        """Receive and send keys by these ways. Before `start`."""

    def receive_key(self, digit: str, duration_ms: int) -> None:
        """A key has come by SIP INFO."""

    @property
    def hears_tones(self) -> bool:
        """Whether keys are found in the audio."""

    def reconfigure(self, config: RtpConfig, codec_name: str, receive_codecs: Mapping[int, str] | None = None) -> None:
        """Apply what a re-INVITE changed."""
