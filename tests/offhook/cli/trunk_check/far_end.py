"""A trunk on loopback with a fault of choice: SIP over UDP, and RTP."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Self

from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer, Verdict
from offhook.sip.message.build import response
from offhook.sip.message.message import Request
from offhook.sip.message.parser import parse
from offhook.sip.net.address import Address
from offhook.testing.udp import UdpPort
from tests.e2e.phone import rtp

HOST = "127.0.0.1"
SILENCE = b"\xff" * 160
USER, PASSWORD = "bot", "s3cret word"


def sdp(port: int, host: str = HOST, formats: str = "0 101", *more: str) -> bytes:
    """An answer."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP {formats}"]
    return "\r\n".join([*lines, "a=rtpmap:101 telephone-event/8000", *more, ""]).encode()


class FarEnd:
    """What it answers is set by its attributes; a status of 0 is no answer."""

    def __init__(self) -> None:
        self.options, self.register, self.bye = 200, 200, 200
        self.options_headers: list[tuple[str, str]] = []
        self.register_headers: list[tuple[str, str]] = []
        self.bound: list[str] = ["<sip:bot@127.0.0.1:5060>"]
        self.invite: Sequence[int] = (100, 180, 200)
        self.invite_headers: list[tuple[str, str]] = []
        self.repeats_s: float | None = None
        """After which the last response to INVITE is sent again and again; None: never."""
        self.realm: DigestServer | None = None
        self.requests: list[Request] = []
        self.seen_as: str | None = None
        """What `received` says, in place of the truth."""
        self.sends = True
        self._tasks: list[asyncio.Task[None]] = []
        self._sip = UdpPort((HOST, 0), self._received)
        self.media = UdpPort((HOST, 0), self._heard)
        self.heard = 0
        self.media_source = self.media
        self.address = Address(*self._sip.address)
        self.contact = f"<sip:qa@{self.address}>"
        self.sdp = sdp(self.media.address[1])

    def ask_password(self, realm: str = "trunk.test", algorithm: str = "SHA-256") -> None:
        """Challenge every request from now on."""

        def secret(user: str, _: str, algorithm: str) -> str | None:
            return secret_of(algorithm, user, realm, PASSWORD) if user == USER else None

        self.realm = DigestServer(realm, secret, b"key", algorithms=(algorithm,))

    def of(self, method: str) -> list[Request]:
        """The requests with that method."""
        return [each for each in self.requests if each.method == method]

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._sip.close()
        self.media.close()
        self.media_source.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def _received(self, data: bytes, source: tuple[str, int], at: float) -> None:
        request = parse(data)
        assert isinstance(request, Request)
        self.requests.append(request)
        if request.method == "ACK":
            return
        if self.realm is not None and request.method != "BYE" and self.realm.judge(request, at)[0] is not Verdict.RIGHT:
            challenges = [("WWW-Authenticate", value) for value in self.realm.challenges(at)]
            self._answer(request, source, 401, challenges)
            return
        match request.method:
            case "OPTIONS":
                self._answer(request, source, self.options, self.options_headers)
            case "REGISTER":
                bound = [("Contact", each) for each in self.bound]
                self._answer(request, source, self.register, [*bound, *self.register_headers])
            case "INVITE":
                self._tasks.append(asyncio.create_task(self._take(request, source)))
            case "BYE":
                self._answer(request, source, self.bye)
            case "CANCEL":
                self._answer(request, source, 200)
                (invite,) = self.of("INVITE")[-1:]
                self._answer(invite, source, 487)

    def _answer(
        self, request: Request, source: tuple[str, int], status: int, headers: Sequence[tuple[str, str]] = ()
    ) -> None:
        if not status:
            return
        body, kind = b"", None
        if request.method == "INVITE" and status in (183, 200):
            body, kind = self.sdp, "application/sdp"
        if request.method == "INVITE" and 100 < status < 300:
            headers = [*headers, ("Contact", self.contact)]
        answer = response(
            request, status, to_tag=None if status == 100 else "far", headers=headers, body=body, content_type=kind
        )
        seen = f";received={self.seen_as or source[0]};rport={source[1]}"
        via = answer.headers.get_all("Via")[0].replace(";rport", seen)
        answer.headers.set("Via", via)
        self._sip.send(bytes(answer), source)

    async def _take(self, request: Request, source: tuple[str, int]) -> None:
        for status in self.invite:
            self._answer(request, source, status, self.invite_headers)
            if status in (183, 200) and self.sends:
                self._tasks.append(asyncio.create_task(self._talk(request)))
            await asyncio.sleep(0.05)
        while self.repeats_s is not None:
            await asyncio.sleep(self.repeats_s)
            self._answer(request, source, self.invite[-1], self.invite_headers)

    async def _talk(self, invite: Request) -> None:
        port = int(invite.body.decode().partition("m=audio ")[2].split()[0])
        for number in itertools.count():
            self.media_source.send(rtp(number, number * 160, 7, SILENCE), (HOST, port))
            await asyncio.sleep(0.02)

    def _heard(self, data: bytes, source: tuple[str, int], at: float) -> None:
        self.heard += 1
