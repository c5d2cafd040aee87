"""Vendors that send what they should not: other types, huge numbers, endless words, our own key."""

import asyncio
import json
import math
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response

from offhook.pipeline.asr.engine import AsrRequest, RecognisedWord, Transcript
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.usererror import UserError
from offhook.vendors import amazon_asr, deepgram_asr, event_stream, finals, http, websocket
from offhook.vendors.connection import Connection
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.finals import Finals, FinalWait
from offhook.vendors.http import HttpClient
from offhook.vendors.limits import Limits
from offhook.vendors.speech import MAX_SPEECH_BYTES, Speech
from offhook.vendors.target import Target
from tests.vendors.hosted import AMAZON_VOICE, OPENAI, POOLED, SOCKETS, TEXT, Vendor, feed, said, spoken

NOVA = Vendor("deepgram", DeepgramServer, deepgram_asr.make)
FLUX = Vendor("flux", DeepgramServer, deepgram_asr.make, options={"model": "flux-general-en"})
AMAZON = Vendor(
    "amazon",
    AmazonServer,
    amazon_asr.make,
    url_option="endpoint_url",
    options=AMAZON_VOICE.options,
    key=AMAZON_VOICE.key,
    key_option="secret_access_key",
)

KEY = "sk-0123456789abcdef"
HUGE = 10**400
HOSTILE: list[Any] = [
    None, True, "x", "", [], {}, [[]], [None], -1, 1e15, -1e300, 37.5, HUGE, [HUGE], {"a": 1}, ["x"],
    "Infinity", "\x1b[2J\n", "word " * 10_000,
]  # fmt: skip


def mutated(value: Any, chance: random.Random) -> Any:
    """The same with other things in some places."""
    if chance.random() < 0.15:
        return chance.choice(HOSTILE)
    if isinstance(value, dict):
        return {key: mutated(each, chance) for key, each in value.items()}
    if isinstance(value, list):
        return [mutated(each, chance) for each in value]
    return value


def spoilt(message: str | bytes, chance: random.Random) -> str | bytes:
    """A server's message with some fields replaced, or as numbers that JSON does not have, or nested without end."""
    if isinstance(message, bytes):
        try:
            event = event_stream.decode(message)
        except ValueError:
            return message
        return event_stream.encode(event._replace(payload=spoilt_json(event.payload.decode(), chance).encode()))
    head, mark, body = message.rpartition("\r\n\r\n")
    return head + mark + spoilt_json(body, chance)


def spoilt_json(text: str, chance: random.Random) -> str:
    try:
        fields = json.loads(text)
    except ValueError:
        return text
    if chance.random() < 0.02:
        return "[" * 100_000
    found = json.dumps({key: mutated(each, chance) if "type" not in key else each for key, each in fields.items()})
    return found.replace("37.5", chance.choice(("NaN", "Infinity", "37.5")))


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes the vendors' servers spoil what they send."""
    send = ServerConnection.send

    def begin(seed: int) -> None:
        chance = random.Random(seed)

        async def hostile(self: ServerConnection, message: Any, **options: Any) -> None:
            await send(self, spoilt(message, chance), **options)

        monkeypatch.setattr(ServerConnection, "send", hostile)

    return begin


@pytest.fixture
async def faults() -> AsyncIterator[list[dict[str, Any]]]:
    """What the event loop would have logged."""
    found: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: found.append(context))
    yield found
    assert not found


def is_sane(transcript: Transcript) -> bool:
    shares = [transcript.confidence, *(word.confidence for word in transcript.words)]
    times = [time for word in transcript.words for time in (word.start_s, word.end_s)]
    return (
        all(share is None or 0 <= share <= 1 for share in shares)
        and all(math.isfinite(time) and time >= 0 for time in times)
        and len(transcript.text) < 3 * finals.MAX_CHARS
    )


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("vendor", [*POOLED, NOVA, FLUX, AMAZON], ids=repr)
async def test_what_a_recogniser_says(
    vendor: Vendor, seed: int, spoil: Callable[[int], None], faults: list[dict[str, Any]]
) -> None:
    spoil(seed)
    async with vendor.server([TEXT] * 20) as server:
        engine = vendor.engine(server, kind="asr", final_ms=100)
        with suppress(EngineError):
            async with asyncio.timeout(8):
                await engine.start()
        late: list[Transcript] = []
        for _ in range(2):
            stream = engine.open(AsrRequest(on_late=late.append), lambda text: None)
            await feed(stream, said("a b c d"))
            with suppress(EngineError):
                async with asyncio.timeout(4):
                    assert is_sane(await stream.finish())
        await engine.close()
        assert all(map(is_sane, late))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("vendor", SOCKETS, ids=repr)
async def test_what_a_voice_says(
    vendor: Vendor, seed: int, spoil: Callable[[int], None], faults: list[dict[str, Any]]
) -> None:
    spoil(seed)
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="tts", first_audio_ms=300)
        with suppress(EngineError):
            async with asyncio.timeout(8):
                await engine.start()
        for _ in range(2):
            with suppress(EngineError):
                async with asyncio.timeout(8):
                    _, words = await spoken(engine.synthesize("Check my balance, please."))
                    assert all(0 <= word.start_sample <= word.end_sample for word in words)
        await engine.close()


async def test_confidences_and_times_that_are_none() -> None:
    found = Finals("v", FinalWait(), lambda text: None)
    words = (RecognisedWord("yes", -3.0, 0.5, 7.0), RecognisedWord("no", math.nan, math.inf, 0.5))
    found.segment(Transcript("yes", math.nan, words))
    found.complete()
    transcript = await found.wait()
    assert (transcript.confidence, transcript.words) == (0.0, (RecognisedWord("yes", 0.0, 0.5, 1.0),))


async def test_endless_words() -> None:
    found = Finals("v", FinalWait(), lambda text: None)
    for _ in range(10_000):
        found.segment(Transcript("one two three four"))
    found.complete()
    assert len((await found.wait()).text) < 2 * finals.MAX_CHARS


async def test_endless_speech() -> None:
    speech = Speech("v", 1.0)
    for _ in range(2 * MAX_SPEECH_BYTES // 1_000_000):
        speech.add(bytes(1_000_000))
    taken = 0
    with pytest.raises(EngineError, match="bytes of audio"):
        while (piece := await speech.next()) is not None:
            taken += len(piece)
    assert taken <= MAX_SPEECH_BYTES


@asynccontextmanager
async def answering(status: HTTPStatus, body: str, **headers: str) -> AsyncIterator[Target]:
    """A server that upgrades nothing."""

    def refuse(connection: ServerConnection, request: Request) -> Response:
        response = connection.respond(status, body)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    async def nothing(connection: ServerConnection) -> None: ...

    async with serve(nothing, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield Target("asr", "v", "Vendor", f"ws://127.0.0.1:{port}/", (("X-API-Key", KEY),))


async def error_at(target: Target) -> EngineError:
    connection = Connection(target, Limits())
    with pytest.raises(EngineError) as caught:
        async with asyncio.timeout(5):
            await connection.opened()
    return caught.value


async def test_a_reason_that_is_nested_without_end() -> None:
    async with answering(HTTPStatus.INTERNAL_SERVER_ERROR, "[" * 2_000) as target:
        assert "500" in (await error_at(target)).why


async def test_a_vendor_that_repeats_the_key() -> None:
    async with answering(HTTPStatus.UNAUTHORIZED, json.dumps({"detail": f"Wrong key: {KEY}\x1b[2J"})) as target:
        error = await error_at(target)
    assert "Wrong key" in error.why
    assert KEY not in str(error) and str(error).isprintable()


async def test_redirects_are_not_followed() -> None:
    """The other server would get the key."""
    asked: list[str] = []

    async def note(connection: ServerConnection) -> None:
        asked.append(str(connection.request))

    async with serve(note, "127.0.0.1", 0) as other:
        place = f"ws://127.0.0.1:{next(iter(other.sockets)).getsockname()[1]}/"
        async with answering(HTTPStatus.TEMPORARY_REDIRECT, "", Location=place) as target:
            assert "307" in (await error_at(target)).why
    assert not asked


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (Frame(Opcode.TEXT, b'{"type":"Results"}'), "messages a second"),
        (Frame(Opcode.PING, b""), "messages a second"),
        (Frame(Opcode.TEXT, b"", fin=False), "parts"),
    ],
)
async def test_messages_without_end(frame: Frame, why: str) -> None:
    """Other calls wait while they are read, and a message of empty parts has no size that a limit could have."""

    async def flood(connection: ServerConnection) -> None:
        first = frame.serialize(mask=False)
        later = first if frame.fin else Frame(Opcode.CONT, b"", fin=False).serialize(mask=False)
        connection.transport.write(first)
        while not connection.transport.is_closing():
            connection.transport.write(1_000 * later)
            await asyncio.sleep(0)

    async with serve(flood, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        connection = Connection(Target("asr", "v", "Vendor", f"ws://127.0.0.1:{port}/"), Limits())
        async with asyncio.timeout(5):
            await connection.gone()
    assert connection.error is not None and why in connection.error.why
    assert connection.received <= websocket.MAX_FRAMES_PER_S


async def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WSS_PROXY", "gopher://user:secret@proxy.test:1")
    monkeypatch.setenv("https_proxy", "gopher://user:secret@proxy.test:1")
    error = await error_at(Target("asr", "v", "Vendor", "wss://vendor.test/"))
    assert "secret" not in str(error)
    assert "proxy" in str(error)


@pytest.mark.parametrize("vendor", [NOVA, OPENAI, AMAZON_VOICE], ids=repr)
async def test_a_key_with_line_breaks(vendor: Vendor) -> None:
    """One behind it comes from a file; others would be headers of their own, or be shown by the library below."""
    async with vendor.server(api_key=KEY) as server:
        engine = vendor.engine(server, kind="asr" if vendor is not AMAZON_VOICE else "tts", api_key=f"{KEY}\n")
        await engine.start()
        await engine.close()
        with pytest.raises(UserError) as caught:
            vendor.engine(server, kind="asr", api_key=f"{KEY}\nX-Evil: 1")
    assert KEY not in str(caught.value)


async def test_a_key_that_no_header_can_have() -> None:
    async with NOVA.server() as server:
        engine = NOVA.engine(server, kind="asr", api_key=f"{KEY}→")
        with pytest.raises(VendorRefusedError) as caught:
            await engine.start()
        await engine.close()
    shown: Iterator[BaseException | None] = iter((caught.value, caught.value.__cause__))
    assert all(KEY not in repr(each) for each in shown)


@pytest.mark.parametrize("extra", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nsomebody else's"])
async def test_an_answer_that_nobody_asked_for(extra: bytes) -> None:
    """Behind another: it is not the next caller's."""

    serving = set[asyncio.Task[Any] | None]()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        first = True
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine" + (extra if first else b""))
                await writer.drain()
                first = False
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    client = HttpClient(Limits())
    target = Target("asr", "v", "Vendor", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    for _ in range(3):
        assert b"".join([piece async for piece in client.get(target, 2.0)]) == b"mine"
    await client.close()
    server.close()
    await asyncio.wait([each for each in serving if each is not None], timeout=5)


async def test_an_answer_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "SLOW_S", 0.2)

    serving = set[asyncio.Task[Any] | None]()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    client = HttpClient(Limits())
    target = Target("asr", "v", "Vendor", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    with pytest.raises(EngineTimeout, match="too slowly"):
        async with asyncio.timeout(5):
            async for _ in client.get(target, 2.0):
                pass
    await client.close()
    server.close()
    await asyncio.wait([each for each in serving if each is not None], timeout=5)
