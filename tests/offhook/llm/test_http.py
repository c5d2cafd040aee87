"""What a server may send: its answers have limits, for all three vendors' clients."""

import asyncio
import gzip
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from offhook.llm.hosted import HostedModel
from offhook.llm.http import MAX_ANSWER_BYTES, MAX_LINE_BYTES, retry_after_s
from offhook.llm.model import Message, ModelError, ModelRequest
from offhook.llm.registry import make_model

VENDORS = ("openai", "anthropic", "gemini")
HELLO = ModelRequest((Message("user", "hello"),))
HEAD = b"HTTP/1.1 %s\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n%s\r\n"
PIECE = 65_536

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that reads a request and lets `answer` write: its address, and the heads of the requests."""
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                heads.append(head)
                length = next((line for line in head.lower().splitlines() if line.startswith(b"content-length")), b":0")
                await reader.readexactly(int(length.partition(b":")[2]))
                await answer(head, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()


async def error_of(vendor: str, answer: Answer) -> tuple[ModelError, list[bytes]]:
    async with serving(answer) as (url, heads):
        base_url = f"{url}/v1" if vendor == "openai" else url
        model: Any = make_model(vendor, {"model": "m", "base_url": base_url, "api_key": "test-key"})
        assert isinstance(model, HostedModel)
        try:
            async with asyncio.timeout(20):
                with pytest.raises(ModelError) as error:
                    async for _ in model.stream(HELLO):
                        pass
        finally:
            await model.close()
    return error.value, heads


async def send(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    await writer.drain()


def endless(begin: bytes, piece: bytes, status: bytes = b"200 OK") -> Answer:
    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD % (status, b""))
        await send(writer, begin)
        while True:
            await send(writer, piece)

    return answer


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_endless_line(vendor: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    error, _ = await error_of(vendor, endless(b'data: {"a": "', b"x" * PIECE))
    assert error.kind == "away"
    assert f"a line of more than {MAX_LINE_BYTES} bytes" in error.why
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kib < 64 * 1024


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_event_without_an_end(vendor: str) -> None:
    error, _ = await error_of(vendor, endless(b"", b"data: x\n" * 8_000))
    assert f"more than {MAX_ANSWER_BYTES} bytes" in error.why or "cannot be understood" in error.why


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_endless_error(vendor: str) -> None:
    error, _ = await error_of(vendor, endless(b"", b"x" * PIECE, b"500 Oops"))
    assert (error.kind, "500" in error.why or "bytes" in error.why) == ("away", True)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_is_compressed_is_not_unpacked(vendor: str) -> None:
    bomb = gzip.compress(b"data: " + b" " * 50_000_000)

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD % (b"200 OK", b"Content-Encoding: gzip\r\n"))
        await send(writer, bomb)
        await send(writer, b"")

    error, heads = await error_of(vendor, answer)
    assert "a compressed answer (gzip)" in error.why
    assert all(b"accept-encoding: identity" in head.lower() for head in heads)


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize(("status", "kind"), [(b"401 Unauthorized", "key"), (b"429 Too Many Requests", "busy")])
async def test_a_compressed_error_is_what_its_status_says(vendor: str, status: bytes, kind: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD % (status, b"Content-Encoding: gzip\r\n"))
        await send(writer, bomb)
        await send(writer, b"")

    error, _ = await error_of(vendor, answer)
    assert error.kind == kind, error.why


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_new_connection_that_breaks_is_not_opened_again_here(vendor: str) -> None:
    """Whoever waits for the reply decides whether it is worth another try."""

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    error, heads = await error_of(vendor, answer)
    assert error.kind == "away"
    assert len(heads) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_kept_connection_that_was_closed_is_replaced_once(vendor: str) -> None:
    answers = 0

    async def answer(_: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal answers
        answers += 1
        if answers > 1:
            writer.close()
            return
        body = b'{"id": "m", "name": "models/m", "type": "model", "object": "list", "data": []}'
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()

    async with serving(answer) as (url, heads):
        base_url = f"{url}/v1" if vendor == "openai" else url
        model: Any = make_model(vendor, {"model": "m", "base_url": base_url, "api_key": "test-key"})
        await model.start()
        with pytest.raises(ModelError) as error:
            async for _ in model.stream(HELLO):
                pass
        await model.close()
    assert error.value.kind == "away"
    assert len(heads) == 3  # the start; the request on its connection, and on a new one


def test_when_to_try_again() -> None:
    assert retry_after_s({}) is None
    assert retry_after_s({"retry-after": "2"}) == 2.0
    assert retry_after_s({"retry-after": "2", "retry-after-ms": "350"}) == 0.35
    assert retry_after_s({"retry-after": "-1"}) == 0.0
    for nonsense in ("soon", "nan", "inf", "Fri, 99 Foo 2026 GMT", "…"):
        assert retry_after_s({"retry-after": nonsense}) is None
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert retry_after_s({"retry-after": later}) == pytest.approx(30, abs=2)
    for zone in ("GMT", "XYZ"):
        assert retry_after_s({"retry-after": f"Sun, 06 Nov 1994 08:49:37 {zone}"}) == 0.0
