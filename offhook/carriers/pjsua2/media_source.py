"""Whose RTP a call takes. PJSIP by itself follows any host that sends ten packets, so the kernel turns all others away
as soon as it is known where the far end sends from. Pure."""

LOOKS = 3
"""So many times, a second apart, another source than the described one has to be the latest: the far end is behind a
NAT."""


class MediaSource:
    """Of one call. Addresses are HOST:PORT, as PJSIP writes them."""

    def __init__(self) -> None:
        self.kept = ""
        """The only one that is taken; "": all are."""
        self._latest = ""
        self._packets = self._times = 0

    def look(self, latest: str, described: str, packets: int) -> str:
        """Who has sent the latest packet ("": nobody yet), where the far end says that it is, and how many packets have
        come. Returns the only source from now on, once, else ""."""
        came, self._packets = packets != self._packets, packets
        if self.kept or not latest or not came:
            return ""
        self._times = self._times + 1 if latest == self._latest else 1
        self._latest = latest
        if latest != described and self._times < LOOKS:
            return ""
        self.kept = latest
        return latest

    def described_anew(self) -> None:
        """An offer or answer has come: the far end may be elsewhere from now on."""
        self.kept = self._latest = ""
        self._times = 0
