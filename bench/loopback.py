"""Media lines of this process that talk to each other."""

from offhook.telephony.rtp import RtpConfig

HOST = "127.0.0.1"


def rtp_to(port: int) -> RtpConfig:
    """PCMU and keys, in the clear, to and from the line on `port` and the RTCP port after it."""
    return RtpConfig(
        payload_type=0,
        receive_payload_types=frozenset({0}),
        dtmf_payload_type=101,
        receive_dtmf_payload_type=101,
        remote=(HOST, port),
        remote_rtcp=(HOST, port + 1),
        signalling_host=None,
    )
