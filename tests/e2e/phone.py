"""A telephone made of two sockets, that can say what no proper one would."""

import itertools
import re
import secrets
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Self

from tests.e2e.peers import HOST, free_udp_ports

FRAME = 160  # samples of 20 ms
SILENCE = b"\xff" * FRAME
TIMESTAMPNS = 35
"""SO_TIMESTAMPNS of Linux, which the socket module does not name."""
TIMEOUT_S = 3.0
_numbers = itertools.count(1)


class RtpPeer:
    """An RTP port of ours: notes what comes, and once it knows where to, sends silence or what it is told to say."""

    def __init__(self) -> None:
        self.port = free_udp_ports(2)
        self.arrivals: list[tuple[float, int]] = []
        self.sources: list[tuple[str, int]] = []
        self.target: tuple[str, int] | None = None
        self._frames: deque[bytes] = deque()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, self.port))
        self._socket.setsockopt(socket.SOL_SOCKET, TIMESTAMPNS, 1)
        # Nobody reads it; but what is sent there must not reach another socket of the tests.
        self._rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._rtcp.bind((HOST, self.port + 1))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._listen, self._talk)]
        self._socket.settimeout(0.1)
        for thread in self._threads:
            thread.start()

    def say(self, ulaw: bytes) -> None:
        self._frames.extend(ulaw[at : at + FRAME].ljust(FRAME, b"\xff") for at in range(0, len(ulaw), FRAME))

    def send(self, data: bytes) -> None:
        """Anything, from the port that the RTP comes from."""
        assert self.target is not None
        self._socket.sendto(data, self.target)

    def gaps_s(self) -> list[float]:
        times = [at for at, _ in self.arrivals]
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    def payload_types(self) -> list[int]:
        """In the order of their first packets."""
        return list(dict.fromkeys(payload_type for _, payload_type in self.arrivals))

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                data, ancillary, _, source = self._socket.recvmsg(4_096, 64)
            except TimeoutError:
                continue
            if len(data) > 12 and data[0] >> 6 == 2:
                self.arrived(arrived_at(ancillary), data, source)

    def arrived(self, at: float, data: bytes, source: tuple[str, int]) -> None:
        """A packet of RTP has come; called in a thread of its own."""
        self.arrivals.append((at, data[1] & 0x7F))
        if source not in self.sources:
            self.sources.append(source)

    def _talk(self) -> None:
        ssrc, due = secrets.randbits(32), time.monotonic()
        for number in itertools.count():
            due += 0.02
            if self._over.wait(max(0.0, due - time.monotonic())):
                return
            if self.target is not None:
                payload = self._frames.popleft() if self._frames else SILENCE
                self._socket.sendto(rtp(number, number * FRAME, ssrc, payload), self.target)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()
        self._rtcp.close()


def arrived_at(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When the kernel got a datagram, in monotonic seconds: our own thread may have been kept waiting since."""
    now = time.monotonic()
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("@ll", data[:16])
            return now - (time.time() - float(seconds) - float(nanoseconds) / 1e9)
    return now


def rtp(number: int, timestamp: int, ssrc: int, payload: bytes, payload_type: int = 0) -> bytes:
    header = struct.pack("!BBHII", 0x80, payload_type, number & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return header + payload


class Response:
    """What came back."""

    def __init__(self, data: bytes) -> None:
        self.text = data.decode()

    @property
    def status(self) -> int:
        return int(self.text.split(" ", 2)[1])

    def header(self, name: str) -> str:
        found = re.search(rf"^{name}: *(.*)\r$", self.text, re.MULTILINE | re.IGNORECASE)
        assert found is not None, f"no {name} in {self.text}"
        return found[1]

    @property
    def to_tag(self) -> str:
        return self.header("To").partition(";tag=")[2]

    @property
    def media_port(self) -> int:
        found = re.search(r"^m=audio (\d+) ", self.text, re.MULTILINE)
        assert found is not None, f"no audio in {self.text}"
        return int(found[1])


class Phone:
    """A SIP socket. Each `Phone` has one Call-ID and one From tag of its own."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.settimeout(TIMEOUT_S)
        self.port = int(self.socket.getsockname()[1])
        self.call_id = secrets.token_hex(8)
        self.target = target

    def request(
        self,
        method: str,
        *extra: str,
        cseq: int = 1,
        to_tag: str = "",
        branch: str | None = None,
        body: str = "",
        version: str = "SIP/2.0",
    ) -> bytes:
        """A request as it goes on the wire; `extra` are header lines."""
        lines = [
            f"{method} sip:bot@{self.target[0]}:{self.target[1]} {version}",
            f"Via: SIP/2.0/UDP {HOST}:{self.port};rport;branch={branch or f'z9hG4bK-{next(_numbers)}-{self.port}'}",
            "Max-Forwards: 70",
            f"From: <sip:qa@{HOST}:{self.port}>;tag={self.call_id[:6]}",
            f"To: <sip:bot@{HOST}>{f';tag={to_tag}' if to_tag else ''}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:qa@{HOST}:{self.port}>",
            *extra,
            *(("Content-Type: application/sdp",) if body else ()),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self.target)

    def receive(self) -> Response:
        return Response(self.socket.recv(65_535))

    def final(self) -> Response:
        """The next response that is not provisional."""
        while (response := self.receive()).status < 200:
            pass
        return response

    def ask(self, data: bytes) -> Response:
        self.send(data)
        return self.final()

    def insist(self, data: bytes) -> Response:
        """`ask`, and send it again while nothing comes, as every user agent does (RFC 3261 §17.1.1.2, timer A)."""
        for wait_s in (0.5, 1.0, 2.0):
            self.send(data)
            self.socket.settimeout(wait_s)
            with suppress(TimeoutError):
                response = self.receive()
                self.socket.settimeout(TIMEOUT_S)
                return response if response.status >= 200 else self.final()
        raise TimeoutError("no answer to a request that was sent three times")

    def is_quiet(self, seconds: float) -> bool:
        """Does nothing come for so long."""
        self.socket.settimeout(seconds)
        try:
            self.receive()
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(TIMEOUT_S)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


def sdp(port: int, *formats: str, direction: str = "sendrecv") -> str:
    """An offer; formats are "0 PCMU/8000" and the like."""
    chosen = [one.split(" ", 1) for one in formats or ("0 PCMU/8000", "101 telephone-event/8000")]
    numbers = " ".join(number for number, _ in chosen)
    lines = [
        "v=0",
        f"o=- 1 1 IN IP4 {HOST}",
        "s=-",
        f"c=IN IP4 {HOST}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {numbers}",
    ]
    lines += [f"a=rtpmap:{number} {name}" for number, name in chosen]
    return "\r\n".join([*lines, f"a={direction}", ""])


def answers_within_s(target: tuple[str, int]) -> float:
    """How long an OPTIONS takes, of two the better: this machine may be busy with other things."""
    times = []
    for _ in range(2):
        with Phone(target) as phone:
            began = time.monotonic()
            assert phone.ask(phone.request("OPTIONS")).status == 200
            times.append(time.monotonic() - began)
    return min(times)
