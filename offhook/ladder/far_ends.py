"""Who takes part in a call's signalling: a Call-ID is no secret, and anybody can send messages with it. Pure."""

from offhook.sip.net.flow import Flow

MAX_HOSTS = 16


class FarEnds:
    """The hosts of a call's far end: the one that it came from or goes to, and those to which we sent requests of it
    since, as the far end asked for (RFC 3261 §12.2.1.1). Without a `host` the first message has it."""

    __slots__ = ("_hosts",)

    def __init__(self, host: str = "") -> None:
        self._hosts = {host} if host else set()

    def __contains__(self, host: object) -> bool:
        return host in self._hosts

    def take(self, data: bytes, flow: Flow, received: bool) -> bool:
        """Take in a message; False if it is a stranger's, or for one."""
        host = flow.remote.host
        asked = not received and data[:4].upper() != b"SIP/"
        if not self._hosts or (asked and len(self._hosts) < MAX_HOSTS):
            self._hosts.add(host)
        return host in self._hosts
