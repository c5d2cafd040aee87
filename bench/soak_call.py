"""Short calls of several kinds, well-behaved and not."""

import asyncio
import random
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from offhook.testing.impair import Impairer, Impairment
from offhook.testing.udp import Address, UdpPort

ANSWER_S = 8.0
FRAME = b"\xd5" * 160
LINE = Impairment(loss_percent=5, burst_packets=2, corrupt_percent=1, duplicate_percent=1, jitter_ms=10)


class Refused(Exception):
    """The bot's final response was not a 2xx; the message is its status."""


class Dialog:
    """One call's SIP: requests out, responses and requests in."""

    def __init__(self, target: Address, number: int) -> None:
        self._target = target
        self._responses: asyncio.Queue[str] = asyncio.Queue()
        self.ended = asyncio.Event()
        self._port = UdpPort(("127.0.0.1", 0), self._receive)
        self._id = f"{number}-{self._port.address[1]}"
        self._to_tag = ""
        self._cseq = 1
        self.mute = False

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return self._id

    def request(self, method: str, body: str = "", *, branch: str | None = None) -> bytes:
        host, port = self._port.address
        lines = [
            f"{method} sip:bot@{self._target[0]}:{self._target[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK-{branch or f'{self._id}-{self._cseq}-{method}'}",
            "Max-Forwards: 70",
            f"From: <sip:soak@{host}:{port}>;tag={self._id}",
            f"To: <sip:bot@{host}>{f';tag={self._to_tag}' if self._to_tag else ''}",
            f"Call-ID: {self._id}",
            f"CSeq: {self._cseq} {method}",
            f"Contact: <sip:soak@{host}:{port}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    def send(self, data: bytes) -> None:
        self._port.send(data, self._target)

    async def ask(self, data: bytes) -> str:
        """Send a request until its final response comes, or a provisional one (RFC 3261 §17.1.1.2). Raises
        TimeoutError."""
        method = data.split(b" ", 1)[0].decode()
        async with asyncio.timeout(ANSWER_S):
            for pause_s in (0.5, 1.0, 2.0, 4.0, 4.0):
                self.send(data)
                try:
                    async with asyncio.timeout(pause_s):
                        response = await self._response(method)
                except TimeoutError:
                    continue
                while response.startswith("SIP/2.0 1"):
                    response = await self._response(method)
                return response
        raise TimeoutError

    async def _response(self, method: str) -> str:
        while not _answers(response := await self._responses.get(), self._cseq, method):
            pass
        return response

    async def invite(self, media_port: int) -> Address:
        """Call; returns where the bot wants the media. Raises Refused, TimeoutError."""
        response = await self.ask(self.request("INVITE", sdp(media_port)))
        found = re.search(r"^To:.*;tag=([^\r;]+)", response, re.MULTILINE | re.IGNORECASE)
        self._to_tag = found[1] if found else ""
        if not response.startswith("SIP/2.0 200"):
            self.send(self.request("ACK", branch=f"{self._id}-{self._cseq}-INVITE"))
            raise Refused(response.split(" ", 2)[1])
        port = re.search(r"^m=audio (\d+)", response, re.MULTILINE)
        return self._target[0], int(port[1]) if port else 9

    def acknowledge(self) -> None:
        self.send(self.request("ACK"))

    async def bye(self) -> None:
        self._cseq += 1
        await self.ask(self.request("BYE"))

    async def hold(self, media_port: int) -> None:
        self._cseq += 1
        await self.ask(self.request("INVITE", sdp(media_port, "sendonly")))
        self.acknowledge()

    def cancel(self) -> None:
        """Cancel the INVITE, with its own branch (RFC 3261 §9.1)."""
        self.send(self.request("CANCEL", branch=f"{self._id}-{self._cseq}-INVITE"))

    def close(self) -> None:
        self._port.close()

    def _receive(self, data: bytes, source: Address, _: float) -> None:
        text = data.decode("utf-8", "replace")
        if not re.search(rf"^Call-ID: *{self._id}\r$", text, re.MULTILINE | re.IGNORECASE):
            return  # for the call that had the port before
        if text.startswith("SIP/2.0 "):
            self._responses.put_nowait(text)
        elif text.startswith("BYE ") and not self.mute:
            wanted = re.findall(r"^((?:Via|From|To|Call-ID|CSeq):.*)\r$", text, re.MULTILINE | re.IGNORECASE)
            self._port.send(
                ("\r\n".join(["SIP/2.0 200 OK", *wanted, "Content-Length: 0"]) + "\r\n\r\n").encode(), source
            )
            self.ended.set()


class Phones:
    """Places the calls."""

    def __init__(self, target: str, seed: int) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._seed = seed

    async def call(self, kind: str, number: int) -> str:
        """Place one call. Returns how it ended, in words that are counted."""
        dialog = Dialog(self._target, number)
        media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        media.bind(("127.0.0.1", 0))
        media.setblocking(False)
        try:
            return f"{kind}: {await KINDS[kind][1](dialog, media, random.Random(f'{self._seed}/{number}'))}"
        except Refused as refused:
            return f"{kind}: refused {refused}"
        except TimeoutError:
            return f"{kind}: no answer"
        finally:
            dialog.close()
            media.close()


def _answers(response: str, cseq: int, method: str) -> bool:
    """Whether it answers the request: a CANCEL has the INVITE's number, so the method is compared, too."""
    found = re.search(r"^CSeq: *(\d+) +(\w+)", response, re.MULTILINE | re.IGNORECASE)
    return found is not None and found.groups() == (str(cseq), method)


Script = Callable[[Dialog, socket.socket, random.Random], Awaitable[str]]


async def _talk(media: socket.socket, to: Address, chance: random.Random, seconds: float) -> None:
    """Send media over a bad line, with DTMF and junk among it."""
    line = Impairer(LINE, seed=chance.getrandbits(32), stream="soak", start=0.0)
    ssrc, loop = chance.getrandbits(32), asyncio.get_running_loop()
    began = loop.time()
    for number in range(int(seconds / 0.02)):
        kind, payload = (101, b"\x05\x8a\x03\x20") if chance.random() < 0.01 else (0, FRAME)
        packet = struct.pack("!BBHII", 0x80, kind, number & 0xFFFF, 160 * number, ssrc) + payload
        if chance.random() < 0.01:
            packet = chance.randbytes(chance.randrange(300))
        for departure in line.packet(packet, loop.time()):
            try:
                media.sendto(departure.data, to)
            except OSError:
                break
        await asyncio.sleep(max(0.0, began + 0.02 * (number + 1) - loop.time()))


async def _proper(dialog: Dialog, media: socket.socket, chance: random.Random) -> str:
    to = await dialog.invite(media.getsockname()[1])
    dialog.acknowledge()
    await _talk(media, to, chance, chance.uniform(0.5, 6.0))
    await dialog.bye()
    return "done"


async def _held(dialog: Dialog, media: socket.socket, chance: random.Random) -> str:
    to = await dialog.invite(media.getsockname()[1])
    dialog.acknowledge()
    await _talk(media, to, chance, 1.0)
    await dialog.hold(media.getsockname()[1])
    await asyncio.sleep(chance.uniform(0.0, 2.0))
    await dialog.bye()
    return "done"


async def _vanished(dialog: Dialog, media: socket.socket, chance: random.Random) -> str:
    """No BYE, no media, no answer to the bot's BYE."""
    dialog.mute = True
    to = await dialog.invite(media.getsockname()[1])
    dialog.acknowledge()
    await _talk(media, to, chance, chance.uniform(0.1, 2.0))
    return "done"


async def _silent(dialog: Dialog, media: socket.socket, _: random.Random) -> str:
    """Media never comes: the bot has to hang up."""
    await dialog.invite(media.getsockname()[1])
    dialog.acknowledge()
    async with asyncio.timeout(2 * ANSWER_S):
        await dialog.ended.wait()
    return "the bot hung up"


async def _cancelled(dialog: Dialog, media: socket.socket, chance: random.Random) -> str:
    dialog.send(dialog.request("INVITE", sdp(media.getsockname()[1])))
    await asyncio.sleep(chance.uniform(0.0, 0.05))
    dialog.cancel()
    try:
        await dialog.invite(media.getsockname()[1])
    except Refused as refused:
        return f"refused {refused}"
    # The 200 crossed the CANCEL: the call is up, and has to be hung up.
    dialog.acknowledge()
    await dialog.bye()
    return "was quicker"


async def _unacknowledged(dialog: Dialog, media: socket.socket, _: random.Random) -> str:
    """The ACK never comes."""
    dialog.mute = True
    await dialog.invite(media.getsockname()[1])
    return "done"


async def _broken(dialog: Dialog, media: socket.socket, chance: random.Random) -> str:
    message = bytearray(dialog.request("INVITE", sdp(media.getsockname()[1])))
    for _ in range(20):
        message[chance.randrange(len(message))] = chance.randrange(256)
    dialog.send(bytes(message))
    return "sent"


KINDS: dict[str, tuple[float, Script]] = {
    "proper": (0.6, _proper),
    "held": (0.1, _held),
    "vanished": (0.07, _vanished),
    "silent": (0.05, _silent),
    "cancelled": (0.08, _cancelled),
    "unacknowledged": (0.03, _unacknowledged),
    "broken": (0.07, _broken),
}
"""Each kind's share of the calls, and its script."""


WANTED_REFUSAL = "cancelled: refused 487"
"""How a cancelled call ends regularly."""


def sdp(port: int, direction: str = "sendrecv") -> str:
    lines: list[Any] = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000", f"a={direction}", ""]
    return "\r\n".join(lines)
