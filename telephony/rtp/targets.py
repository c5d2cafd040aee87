"""Where RTP and RTCP go. Pure."""

from offhook.telephony.rtp.config import Address, RtpConfig
from offhook.telephony.rtp.latch import leads_inside

_NOWHERE = frozenset(("0.0.0.0", "::"))


def is_somewhere(target: Address) -> bool:
    """Whether it is a place: not where SDP names none (RFC 2543's hold, a port of 0)."""
    host, port = target
    return port != 0 and host not in _NOWHERE


def addressed(datagrams: list[bytes], target: Address) -> list[tuple[bytes, Address]]:
    """`datagrams` for `target`; none where that is no place."""
    return [(datagram, target) for datagram in datagrams] if is_somewhere(target) else []


def rtcp_target(config: RtpConfig, target: Address, source: Address | None) -> Address:
    """Where RTCP goes while RTP goes to `target`; `source` is where the far end's came from last."""
    if config.rtcp_mux:
        return target
    if target == config.remote and not leads_inside(config.remote_rtcp[0], config.signalling_host):
        return config.remote_rtcp
    # Behind a NAT only received RTCP shows the port; until then it is the next one (RFC 3550 §11).
    if source is not None and source[0] == target[0]:
        return source
    return target[0], target[1] + 1
