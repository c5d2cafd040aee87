"""Secrets that callers plant in a bot, each another number, and the search for what the bot has kept of them.

A call keys a card's number and a code of twelve digits, by one of the `WAYS`; by all but "tones" it also sounds the
card's number as tones first, as gateways do that leave them in. The server of the flow's request notes what it gets.
When the bot hears the caller again, a few keys are sounded that mean nothing: a recording has to have these, or the
search would prove nothing.
"""

import asyncio
import json
import re
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any, Self

from offhook.pipeline.secret.card import is_card_number
from offhook.sip.net.address import Address
from offhook.telephony import tones
from offhook.telephony.dtmf_tones import DtmfTones
from offhook.testing.carrier import Carrier
from offhook.testing.sip_caller import Caller, unless_over

HOST = "127.0.0.1"
WAYS = ("events", "info", "stream", "tones")
"""RFC 4733, SIP INFO, a media stream's messages, and sounds alone, for a bot that hears keys in them."""

AUDIBLE_AFTER = "159"
"""What is sounded when the call is recorded again."""
FOUND_DIGITS = 12
"""So many in a row are found in a file: fewer come about by chance."""
PROMPT_S = 0.2
QUIET_S = 0.4
LIMIT_S = 60.0
MAX_VIEWERS = 12
READ_BYTES = 65_536

_FLOW = """
name: planted
start: card
no_input: {{then: bye}}
no_match: {{then: bye}}
steps:
  card:
    collect_secret: Your card, please.
    as: card
    into: card
    timeout_s: 30
    next: code
    otherwise: bye
    refused: bye
  code:
    collect_secret: Your code, please.
    as: digits
    digits: 12
    into: code
    timeout_s: 30
    next: pay
    otherwise: bye
    refused: bye
  pay:
    request: http://{host}:{port}/
    method: POST
    allow_private: true
    secret: {{card: card, code: code}}
    next: more
    otherwise: bye
  more:
    ask: That is paid. Anything else?
    choices: {{no: {{key: 0, next: bye}}}}
  bye: {{hang_up: Goodbye.}}
"""

_ALONE = re.compile(rb"(?<![0-9])[0-9](?![0-9])")


def flow_text(port: int) -> str:
    """The bot's flow, whose server is at that port."""
    return _FLOW.format(host=HOST, port=port)


@dataclass(frozen=True, slots=True)
class Planted:
    """What one call keys."""

    way: str
    card: str
    code: str


def numbers(calls: int, ways: tuple[str, ...], seed: int) -> list[Planted]:
    """Another card and code for each call."""
    random = Random(seed)

    def digits(count: int) -> str:
        return "".join(random.choices("0123456789", k=count))

    def card() -> str:
        begun = f"4{digits(14)}"
        return next(f"{begun}{last}" for last in range(10) if is_card_number(f"{begun}{last}".encode()))

    return [Planted(ways[call % len(ways)], card(), digits(12)) for call in range(calls)]


class Payments:
    """The far end of the flow's request. `got` are the bodies that came."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, HOST, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "it is entered"
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        self.got.append(json.loads(await reader.readexactly(int(length[1]) if length else 0)))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        writer.close()


class LivePage:
    """What viewers of the live page get of a bot's calls, one of them for all and one more for each call, in `seen`."""

    def __init__(self, http: str) -> None:
        self._host, _, port = http.rpartition(":")
        self._port = int(port)
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen = bytearray()
        self._focused: set[bytes] = set()
        self._open = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._watch("")
        await asyncio.wait_for(self._open.wait(), LIMIT_S)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _watch(self, call: str) -> None:
        task = asyncio.ensure_future(self._read(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _read(self, call: str) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(f"GET /api/live?call={call} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
            rest = b""
            while data := await reader.read(READ_BYTES):
                self._open.set()
                self.seen += data
                if call and b'"kind":"ended"' in data and call.encode() in data:
                    return
                rest = rest[-1_000:] + data
                for begun in re.findall(rb'"call":"([0-9a-f-]+)"', rest) if not call else ():
                    if begun not in self._focused and len(self._tasks) < MAX_VIEWERS:
                        self._focused.add(begun)
                        self._watch(begun.decode())
        finally:
            writer.close()


async def plant(one: Planted, sip: Address, http: str, payments: Payments) -> None:
    """One call, which keys what it plants, and presses a key that is none of it at its end. Raises TimeoutError where
    the bot does not get it, or does not hang up."""
    async with asyncio.timeout(LIMIT_S):
        if one.way == "stream":
            await _over_a_stream(one, http, payments)
        else:
            await _over_sip(one, sip, payments)


async def _over_sip(one: Planted, sip: Address, payments: Payments) -> None:
    caller = await Caller.dial(HOST, sip)
    try:
        await caller.listen_for(PROMPT_S)
        keys = f"{one.card}#{one.code}"
        if one.way == "tones":
            await caller.say(_sounds(keys))
        else:
            await caller.say(_sounds(one.card))
            await caller.press_by_info(keys) if one.way == "info" else caller.press(keys)
        await _paid(one, payments, caller.over)
        await _asked(caller)
        await caller.say(_sounds("0" if one.way == "tones" else AUDIBLE_AFTER))
        if one.way != "tones":
            caller.press("0")
        await caller.over.wait()
    finally:
        caller.close()


async def _over_a_stream(one: Planted, http: str, payments: Payments) -> None:
    carrier = await Carrier.dial(f"ws://{http}/twilio/media")
    try:
        await carrier.listen_for(PROMPT_S)
        await carrier.say(_sounds(one.card))
        await carrier.press(f"{one.card}#{one.code}")
        await _paid(one, payments, carrier.over)
        await _asked(carrier)
        await carrier.say(_sounds(AUDIBLE_AFTER))
        await carrier.press("0")
        await carrier.over.wait()
    finally:
        await carrier.hang_up()


async def _paid(one: Planted, payments: Payments, over: asyncio.Event) -> None:
    async def paid() -> None:
        while not any(each.get("card") == one.card for each in payments.got):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.02)

    await unless_over(paid(), over)


async def _asked(caller: Caller | Carrier) -> None:
    """Wait for the question behind the payment: a second after the last key the call is recorded again. What is heard
    sooner is the end of what was said before, which has come late."""
    paid_at = monotonic()
    began_at = paid_at
    while began_at < paid_at + QUIET_S:
        caller.run = caller.speech_meter.runs
        await caller.listen_for(PROMPT_S)
        began_at = monotonic() - PROMPT_S


def _sounds(keys: str) -> bytes:
    return tones.dtmf(keys, tone_ms=70.0, pause_ms=70.0)


def files_below(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file, by its path within the folder."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), path.read_bytes()


def kept_in(content: bytes, planted: list[Planted]) -> list[str]:
    """What of the planted numbers is in there: twelve digits in a row, or, one at a time, between other things."""
    alone = b"".join(_ALONE.findall(content))
    return [
        secret
        for each in planted
        for secret in (each.card, each.code)
        if any(part in content or part in alone for part in _parts(secret))
    ]


def _parts(secret: str) -> Iterator[bytes]:
    for at in range(len(secret) - FOUND_DIGITS + 1):
        yield secret[at : at + FOUND_DIGITS].encode()


def heard_in(recording: Path) -> list[str]:
    """The keys that sound in each channel of a recording: the caller's, the bot's."""
    with wave.open(str(recording)) as file:
        channels, pcm = file.getnchannels(), file.readframes(file.getnframes())
    heard = []
    for channel in range(channels):
        mono = b"".join(pcm[at : at + 2] for at in range(2 * channel, len(pcm), 2 * channels))
        heard.append("".join(each.digit for each in DtmfTones().receive(mono)))
    return heard


async def fetched(http: str, paths: list[str], get: Callable[[str], bytes]) -> list[tuple[str, bytes]]:
    """What the bot's API answers."""
    return [(path, await asyncio.to_thread(get, f"http://{http}{path}")) for path in paths]
