import socket

from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.tapped import TappedSocket
from offhook.telephony.net.udp_line import UdpLine
from tests.telephony.net.calls import HOST, Listener, acquire, config_to

Seen = tuple[bytes, tuple[str, int], int, bool]


def bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HOST, 0))
    return sock


def test_both_ways_are_shown() -> None:
    seen: list[Seen] = []
    plain = bound()
    port = plain.getsockname()[1]
    with TappedSocket(plain, lambda *shown: seen.append(shown)) as tapped, bound() as peer:
        assert plain.fileno() == -1
        assert not tapped.getblocking()
        there = peer.getsockname()
        tapped.sendto(b"out", there)
        assert peer.recvfrom(100) == (b"out", (HOST, port))
        peer.sendto(b"in", (HOST, port))
        assert tapped.recvfrom(100) == (b"in", there)
    assert seen == [(b"out", there, port, False), (b"in", there, port, True)]


async def test_a_line_on_a_tapped_pair(pool: PortPool, media_twin: str) -> None:
    """Whatever carries the media otherwise, the tap sees all of it."""
    seen: list[Seen] = []
    with bound() as peer:
        peer.setblocking(False)
        there = peer.getsockname()
        pair = acquire(pool)
        pair.tap(lambda *shown: seen.append(shown))
        clock = MediaClock()
        line = UdpLine(pair, config_to(HOST, there[1]), "PCMU", clock=clock)
        listener = Listener(line)
        line.start()
        line.play(b"\x2a" * 800)
        peer.sendto(b"\x80\x00\x00\x01" + bytes(8) + b"\xff" * 160, (HOST, pair.port))
        await listener.until(lambda: listener.drained == 1 and bool(listener.audio))
        sent = [data for data, _, port, received in seen if not received and port == pair.port]
        line.close()
        clock.close()
        arrived = [peer.recv(2_000) for _ in range(5)]
    assert sent == arrived
    assert [(port, received) for data, _, port, received in seen if len(data) == 172 and received] == [
        (pair.port, True)
    ]
    # The last report, with BYE, goes by the other port.
    assert seen[-1][2:] == (pair.port + 1, False) and seen[-1][0][1] == 200
