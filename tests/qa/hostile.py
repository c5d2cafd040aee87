"""A far end that answers calls as it likes: a socket, and what a test makes of the INVITE."""

import re
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Self

HOST = "127.0.0.1"
_COPIED = re.compile(rb"(?mi)^(?:Via|From|To|Call-ID|CSeq):.*\r\n")
_TO = re.compile(rb"(?mi)^(To:(?:(?!;tag=).)*)\r\n")
_CALL_ID = re.compile(rb"(?mi)^Call-ID: *(\S+)")

Answers = Callable[["HostileFarEnd", bytes], Iterable[bytes]]


class HostileFarEnd:
    """`with`. `answers` makes the responses to an INVITE; others get 200. `requests` are the methods that came."""

    def __init__(self, answers: Answers) -> None:
        self.requests: list[str] = []
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind((HOST, 0))
        self._answers = answers
        self._sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sip.bind((HOST, 0))
        self._sip.settimeout(0.05)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sip.close()
        self.rtp.close()

    @property
    def address(self) -> str:
        return f"{HOST}:{self._sip.getsockname()[1]}"

    def response(self, status: bytes, request: bytes, more: bytes = b"", body: bytes = b"") -> bytes:
        """`more` are header lines, each with its end."""
        head = _TO.sub(rb"\1;tag=hostile\r\n", b"".join(_COPIED.findall(request)))
        kind = b"Content-Type: application/sdp\r\n" if body else b""
        contact = b"Contact: <sip:h@%s>\r\n" % self.address.encode()
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        return b"SIP/2.0 " + status + b"\r\n" + head + more + contact + kind + length + body

    def sdp(self, more: bytes = b"") -> bytes:
        """`more` stands before its only m-line."""
        port = self.rtp.getsockname()[1]
        return (
            b"v=0\r\no=h 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            + more
            + b"m=audio %d RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n" % port
        )

    def _serve(self) -> None:
        answered: dict[bytes, tuple[bytes, ...]] = {}
        while not self._over.is_set():
            try:
                data, source = self._sip.recvfrom(65_535)
            except TimeoutError:
                continue
            method = data.partition(b" ")[0].decode()
            self.requests.append(method)
            if method == "INVITE":
                call = _CALL_ID.findall(data)[0]
                if call not in answered:
                    answered[call] = tuple(self._answers(self, data))
                answers: Iterable[bytes] = answered[call]
            else:
                answers = () if method == "ACK" else (self.response(b"200 OK", data),)
            for each in answers:
                self._sip.sendto(each, source)
