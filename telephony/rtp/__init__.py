"""RTP behaviour: ordering, audio time, statistics, DTMF, pacing. Pure; time is passed in."""

from offhook.telephony.rtp.config import Address, RtpConfig, RtpLimits, SrtpKeys
from offhook.telephony.rtp.events import AudioGap, AudioPayload, DigitReceived, PlayoutDrained, RtpEvent
from offhook.telephony.rtp.session import RtpSession
from offhook.telephony.rtp.stats import RtpStats

__all__ = [
    "Address",
    "AudioGap",
    "AudioPayload",
    "DigitReceived",
    "PlayoutDrained",
    "RtpConfig",
    "RtpEvent",
    "RtpLimits",
    "RtpSession",
    "RtpStats",
    "SrtpKeys",
]
