"""What is played is coded when its packet leaves: in virtual time."""

from offhook.telephony.codec.convert import PacketEncoder
from offhook.telephony.rtp.sender import KEEP_ALIVE_S, Sender
from offhook.telephony.wire import rtp
from offhook.telephony.wire.rtp import RtpPacket
from tests.telephony.rtp.support import SSRC, START, config

PACKET = 160


class Coder:
    """Four octets a tick to one: the first of them. It writes down what it was given."""

    def __init__(self) -> None:
        self.given: list[bytes] = []
        self.encoder = PacketEncoder(self._encode, 4, b"\0\0\0\0")

    def _encode(self, ticks: bytes) -> bytes:
        self.given.append(ticks)
        return ticks[::4]


def sender(coder: Coder) -> Sender:
    return Sender(config(encoder=coder.encoder), START, ssrc=SSRC, sequence=0, timestamp=0)


def taken(of: Sender) -> list[RtpPacket]:
    packets = [rtp.parse(data) for data in of.to_send]
    of.to_send.clear()
    return packets


def ticks(value: int, count: int) -> bytes:
    return bytes((value, 1, 2, 3)) * count


def test_a_packet_time_is_taken_and_coded_and_counted_in_ticks() -> None:
    coder = Coder()
    one = sender(coder)
    one.play(ticks(7, 200))
    one.play(ticks(9, 100))
    assert one.queued_ticks == 300
    assert one.tick(START) == ticks(7, 160)
    assert (one.sent_ticks, one.queued_ticks) == (160, 140)
    assert one.tick(START + 0.02) == ticks(7, 40) + ticks(9, 100)
    assert one.drained
    first, second = taken(one)
    assert (first.payload, second.payload) == (b"\7" * 160, b"\7" * 40 + b"\t" * 100 + bytes(20))
    assert second.timestamp - first.timestamp == PACKET
    assert one.octets == 2 * PACKET


def test_what_is_cleared_was_never_coded() -> None:
    coder = Coder()
    one = sender(coder)
    one.play(ticks(7, 500))
    one.tick(START)
    assert one.clear() == 340
    one.play(ticks(9, 160))
    one.tick(START + 1.0)
    assert coder.given == [ticks(7, 160), ticks(9, 160)]


def test_keys_wait_for_the_audio_before_them() -> None:
    one = sender(Coder())
    one.play(ticks(7, 200))
    one.send_dtmf("5", 10)
    one.play(ticks(9, 160))
    for n in range(30):
        one.tick(START + 0.02 * n)
    packets = [packet for packet in taken(one) if packet.payload_type == 0]
    assert [packet.payload for packet in packets] == [b"\7" * 160, b"\7" * 40 + bytes(120), b"\t" * 160]
    assert one.sent_ticks == 360


def test_the_keep_alive_is_coded_silence() -> None:
    coder = Coder()
    one = sender(coder)
    one.handle_timer(START + KEEP_ALIVE_S)
    (packet,) = taken(one)
    assert packet.payload == bytes(PACKET)
    assert coder.given == [bytes(4 * PACKET)]


def test_what_has_to_be_coded_is_not_lent() -> None:
    assert sender(Coder()).lend() is None
