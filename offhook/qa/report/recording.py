"""A call as it was recorded: both sides' sound, the packets, the messages; as WAV and as pcap. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from offhook.ladder.kept import KeptMessages
from offhook.ladder.redact import redacted
from offhook.qa.caller.recorder import Packet
from offhook.qa.caller.sip_message import SipMessage, kept_messages
from offhook.qa.verdict.observed import ObservedCall
from offhook.qa.verdict.speech_quality import NOTED_MS
from offhook.records.pcap import FILE_HEADER, packet
from offhook.telephony.pcm import RATE_HZ
from offhook.testing.wav_file import wav


@dataclass(frozen=True, slots=True)
class Recording:
    """One call. `caller` and `bot` are 16-bit PCM at 8 kHz from the INVITE on, of the same length. The INVITE was at
    `began_s` of Unix time, and at `zero_s` of the monotonic time that `packets` and `messages` have. `left_out` counts
    packets beyond the recorder's limit."""

    seen: ObservedCall
    caller: bytes
    bot: bytes
    began_s: float
    zero_s: float
    call_id: str = ""
    packets: tuple[Packet, ...] = ()
    messages: tuple[SipMessage, ...] = ()
    left_out: int = 0

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.bot) / 2 / RATE_HZ

    def wav(self) -> bytes:
        """Both sides: the caller left, the bot right."""
        both = bytearray(2 * len(self.bot))
        for side, pcm in enumerate((self.caller, self.bot)):
            both[2 * side :: 4] = pcm[0::2]
            both[2 * side + 1 :: 4] = pcm[1::2]
        return wav(bytes(both), channels=2)

    def pcap(self) -> bytes:
        """Signalling and media as the caller sent and received them; SIP over a connection as datagrams, and without
        the proofs of passwords and the keys of media."""
        found = [(each.at_s, each.source, each.destination, each.data) for each in self.packets]
        for message in self.messages:
            local, remote = message.flow.local, message.flow.remote
            ours, theirs = (local.host, local.port), (remote.host, remote.port)
            source, destination = (theirs, ours) if message.received else (ours, theirs)
            found.append((message.at_s, source, destination, redacted(message.data, digits=True)))
        found.sort(key=lambda each: each[0])
        offset_s = self.began_s - self.zero_s
        return FILE_HEADER + b"".join(packet(each[0] + offset_s, *each[1:]) for each in found)

    def kept(self) -> KeptMessages:
        """The messages, for a ladder."""
        return kept_messages(self.messages, self.call_id, self.began_s - self.zero_s)


def placed(pieces: Iterable[tuple[float, bytes]]) -> bytes:
    """Pieces of PCM with when each was heard, in their order, as somebody hears them who plays each as it comes, and
    goes on where it is late."""
    pcm = bytearray()
    for at_s, piece in pieces:
        place = max(0, round(at_s * RATE_HZ))
        end = len(pcm) // 2
        if place - end >= NOTED_MS / 1_000 * RATE_HZ:  # less is what timers do, and no hole
            pcm.extend(bytes(2 * (place - end)))
        pcm.extend(piece)
    return bytes(pcm)
