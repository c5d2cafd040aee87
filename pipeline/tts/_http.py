"""One HTTP request at a time, for speech servers on the own machine or network."""

import asyncio
import ssl
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

READ_BYTES = 65_536
MAX_ANSWER_BYTES = 32 * 1024 * 1024


class HttpAnswer(NamedTuple):
    """Status and content."""

    status: int
    content: bytes


async def request(url: str, *, body: bytes | None = None, content_type: str = "application/json") -> HttpAnswer:
    """GET `url`, or POST `body`. If it is cancelled the connection is closed.

    Raises OSError if the server cannot be reached, ValueError for an answer that is not HTTP or is too long.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not an http:// or https:// address")
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    context = ssl.create_default_context() if secure else None
    reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=context)
    try:
        connection = h11.Connection(h11.CLIENT)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = [("Host", parts.netloc.rpartition("@")[2]), ("Connection", "close"), ("Accept", "*/*")]
        if body is not None:
            headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        method = "GET" if body is None else "POST"
        data = connection.send(h11.Request(method=method, target=target, headers=headers)) or b""
        data += connection.send(h11.Data(data=body or b"")) or b""
        writer.write(data + (connection.send(h11.EndOfMessage()) or b""))
        await writer.drain()
        return await _answer(connection, reader)
    except h11.ProtocolError as error:
        raise ValueError(f"the answer is not HTTP: {error}") from error
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _answer(connection: h11.Connection, reader: asyncio.StreamReader) -> HttpAnswer:
    status, content = 0, bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            content += event.data
            if len(content) > MAX_ANSWER_BYTES:
                raise ValueError(f"the answer has more than {MAX_ANSWER_BYTES} bytes")
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            return HttpAnswer(status, bytes(content))
