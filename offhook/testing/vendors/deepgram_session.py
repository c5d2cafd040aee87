"""What the sessions of Deepgram's test server have in common."""

from collections.abc import Callable

from websockets.asyncio.server import ServerConnection

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.http_vendor import HttpVendorServer
from offhook.testing.vendors.server import Message, SessionLog, send

Convert = Callable[[bytes], bytes]

CODECS: dict[str, tuple[Convert, Convert]] = {
    "linear16": (bytes, bytes),
    "mulaw": (PCMU.decode, PCMU.encode),
    "alaw": (PCMA.decode, PCMA.encode),
}
"""By encoding: decode, encode."""

SOMEBODY_ELSES = "words of another caller"
"""What the fault `wrong-context` brings."""

IDLE_REASON = "Deepgram did not receive audio data or a text message within the timeout window. See net0001"


class Host(HttpVendorServer):
    """What the sessions need of their server."""

    answers_after_end: bool


class Session:
    """One connection."""

    idle_s: float = 10.0

    def __init__(self, server: Host, connection: ServerConnection, log: SessionLog) -> None:
        self.server = server
        self.connection = connection
        self.log = log
        self.rate_hz = int(log.option("sample_rate"))
        self.decode, self.encode = CODECS[log.option("encoding", "linear16")]
        self.request_id = f"request-{id(self):x}"

    async def run(self) -> None:
        """Serve until it is closed."""
        await self.opened()
        while (data := await self.server.receive(self.connection, self.log, self.idle_s)) is not None:
            if not await (self.audio(data) if isinstance(data, bytes) else self.command(data)):
                return
        await self.connection.close(1011, IDLE_REASON)

    async def opened(self) -> None:
        """The connection is open."""

    async def audio(self, data: bytes) -> bool:
        """A binary message. Whether the session goes on."""
        return await self.refuse(f"{len(data)} bytes of binary data are not a command")

    async def command(self, data: str) -> bool:
        """A text message. Whether the session goes on."""
        raise NotImplementedError

    async def send(self, message: Message) -> None:
        """Send a message. Raises ConnectionClosed."""
        await send(self.connection, message)

    async def refuse(self, why: str) -> bool:
        """The client does what the documentation forbids."""
        self.server.violations.append(why)
        await self.send({"type": "Error", "code": "DATA-0000", "description": why, "message": why, "sequence_id": 0})
        await self.connection.close(1008, "DATA-0000")
        return False
