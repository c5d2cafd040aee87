"""RTP settings from the negotiated SDP."""

from offhook.sip.sdp.negotiate import NegotiatedAudio
from offhook.telephony.codec.base import codec_named
from offhook.telephony.rtp.config import RtpConfig, SrtpKeys


def rtp_config(audio: NegotiatedAudio, signalling_host: str, *, stray_dtmf: bool = True) -> RtpConfig:
    """`signalling_host` is the source of the far end's SIP messages: its media may come from there, too. `stray_dtmf`
    as in `RtpConfig`."""
    srtp = audio.srtp
    return RtpConfig(
        payload_type=audio.payload_type,
        receive_payload_types=frozenset(audio.receive_payload_types),
        dtmf_payload_type=audio.dtmf_payload_type,
        receive_dtmf_payload_type=audio.receive_dtmf_payload_type,
        dtmf_clock_hz=audio.dtmf_clock_hz,
        remote=(audio.remote_host, audio.remote_port),
        remote_rtcp=(audio.remote_rtcp_host, audio.remote_rtcp_port),
        signalling_host=signalling_host,
        ptime_ms=audio.ptime_ms,
        max_bit_rate=audio.max_bit_rate,
        send=audio.direction in ("sendrecv", "sendonly"),
        receive=audio.direction in ("sendrecv", "recvonly"),
        silence=codec_named(audio.codec).silence,
        comfort_noise_payload_type=audio.comfort_noise_payload_type,
        receive_comfort_noise_payload_type=audio.receive_comfort_noise_payload_type,
        rtcp_mux=audio.rtcp_mux,
        stray_dtmf=stray_dtmf,
        srtp=None if srtp is None else SrtpKeys(srtp.suite, srtp.send_key, srtp.receive_key),
    )
