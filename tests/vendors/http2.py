"""The server's side of HTTP/2 (RFC 9113) for the referee of Amazon Transcribe, whose client speaks nothing else."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

Handler = Callable[["Stream"], Awaitable[None]]


class Stream:
    """One request, whose body comes with `chunks` while `send` answers."""

    def __init__(self, connection: "_Connection", number: int, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.chunks: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._connection = connection
        self._number = number

    def respond(self, status: int, headers: Mapping[str, str], body: bytes | None = None) -> None:
        """The head of the answer, and with a `body` all of it."""
        h2 = self._connection.h2
        h2.send_headers(self._number, [(":status", str(status)), *headers.items()])
        if body is not None:
            h2.send_data(self._number, body, end_stream=True)
        self._connection.flush()

    async def send(self, data: bytes) -> None:
        """More of the answer."""
        self._connection.h2.send_data(self._number, data)
        self._connection.flush()

    def end(self) -> None:
        """That was the answer."""
        self._connection.h2.end_stream(self._number)
        self._connection.flush()


class _Connection:
    def __init__(self, handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._handler = handler
        self._reader, self._writer = reader, writer
        self._streams: dict[int, Stream] = {}
        self._tasks: list[asyncio.Future[None]] = []

    async def run(self) -> None:
        """Serve until the client is gone."""
        self.h2.initiate_connection()
        self.flush()
        try:
            while data := await self._reader.read(65_536):
                for event in self.h2.receive_data(data):
                    if isinstance(event, RequestReceived):
                        stream = self._streams[event.stream_id] = Stream(self, event.stream_id, _texts(event.headers))
                        self._tasks.append(asyncio.ensure_future(self._handler(stream)))
                    elif isinstance(event, DataReceived):
                        self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                        self._streams[event.stream_id].chunks.put_nowait(event.data)
                    elif isinstance(event, StreamEnded):
                        self._streams[event.stream_id].chunks.put_nowait(None)
                self.flush()
        finally:
            for task in self._tasks:
                task.cancel()
            self._writer.close()

    def flush(self) -> None:
        """Send what is waiting."""
        self._writer.write(self.h2.data_to_send())


def _texts(headers: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in headers}  # they have been decoded, see `header_encoding`


@asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[int]:
    """Serves on a free port of 127.0.0.1, with a certificate that nobody knows; gives the port."""
    writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(OSError, asyncio.CancelledError):
            await _Connection(handler, reader, writer).run()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=_tls())
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


def _tls() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        context.load_cert_chain(file.name)
    context.set_alpn_protocols(["h2"])
    return context
