import pytest

from offhook.telephony.wire import rtp
from offhook.telephony.wire.rtp import RtpPacket
from offhook.telephony.wire.stun import is_stun

REQUEST = bytes.fromhex("000100002112a442") + bytes(12)
WITH_SOFTWARE = bytes.fromhex("000100082112a442") + bytes(12) + bytes.fromhex("80220004") + b"test"
OLD = bytes.fromhex("00010000") + bytes(16)
ANSWER = bytes.fromhex("0101000c2112a442") + bytes(12) + bytes.fromhex("0020000800010fa0c0000201")


@pytest.mark.parametrize("datagram", [REQUEST, WITH_SOFTWARE, OLD, ANSWER])
def test_stun(datagram: bytes) -> None:
    assert is_stun(datagram)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        REQUEST[:19],
        REQUEST + b"\x00",
        WITH_SOFTWARE[:-4],
        b"\x04" + REQUEST[1:],
        bytes(1_500),
        rtp.build(RtpPacket(0, False, 0, 0, 1, bytes(8))),
        bytes.fromhex("80c90001") + bytes(16),
    ],
)
def test_anything_else(datagram: bytes) -> None:
    assert not is_stun(datagram)
