"""Documents, and what a caller and the application's server get of each: what `cases_*` are made of."""

import asyncio
import shlex
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from twilio.twiml.voice_response import VoiceResponse

from offhook.api.message import Message
from offhook.api.queued import Queued
from offhook.api.taken import TakeEnd, Taken
from offhook.http_request import HttpAnswer, HttpBody, HttpRequest, HttpRequestError
from offhook.pipeline.trace import DialogNoted
from offhook.records.message import save_message
from offhook.telephony.tones import tones
from offhook.testing import SimulatedCall
from offhook.testing.wav_file import wav
from offhook.transfer.outcome import TransferError, Transferred
from offhook.twiml.agent import TwimlAgent
from offhook.twiml.application import Application
from offhook.usererror import UserError

HOST, MEDIA_HOST, AGENT = "https://ivr.example.com", "https://media.example", "pbx.example"
CALLER, CALLED = "+15550001111", "+15552223333"
TOKEN = "a token of the tests"
SOUND_S = 0.5
TALK_S = 11.8
"""How long agents talk on the wire: 12 s as Twilio counts them."""

LONGEST_S = 300
NO_MP3 = b"ID3" * 100
CALLBACKS_S = 5.0
"""What is told of the end follows it."""

CALLBACKS = ("/status", "/progress", "/partial")


End = Transferred | TransferError | None
NOBODY = Taken(end=TakeEnd.TIMEOUT)


@dataclass(frozen=True)
class Page:
    """What a server answers."""

    body: str
    content_type: str = "text/xml"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    is_built: bool = False


@dataclass(frozen=True)
class Case:
    """`pages` are by path, the first document's is /voice; `caller` is what the caller does, one line for each
    (`hears …`, `says …`, `presses …`, `waits SECONDS`, `hangs up`).

    `said` are the bot's lines, `asked` the requests, each METHOD PATH and parameters that it has (`NAME=VALUE`,
    `NAME=*` for any value, `NAME=` for an empty one, `!NAME` for one that it does not have). `reports` are parts of
    what is put on the record. `to` are all that are called, in their order. `takes_s` are the least and the most
    seconds until the end. `ends` is what becomes of a transfer, for all that are called or each, after `rings_s`;
    `queued` of a wait in a queue (None: it is taken, and the call is over), `taken` who is taken from one.
    `heard` is what the voice makes of the texts, where these are not it. `only_simulated` is why it is not run on the
    wire. `shown` is the document that the page shows.
    """

    about: str
    pages: Mapping[str, Page]
    said: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    caller: tuple[str, ...] = ()
    end: str = "hung up"
    reports: tuple[str, ...] = ()
    keys: str = ""
    to: str = ""
    takes_s: tuple[float, float] = (0.0, LONGEST_S)
    ends: End | Mapping[str, End] = None
    rings_s: float = 0.0
    queued: Queued | UserError | None = None
    taken: Taken | UserError = NOBODY
    options: Mapping[str, Any] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    heard: str = ""
    only_simulated: str = ""
    shown: str = "/voice"

    @property
    def is_built(self) -> bool:
        """Whether Twilio's builder made the document that the page shows."""
        return self.pages[self.shown].is_built

    @property
    def document(self) -> str:
        """The one that the page shows."""
        return self.pages[self.shown].body


def written(inner: str, **more: str) -> dict[str, Page]:
    """A document by hand, and others by the names of their paths."""
    return {
        "/voice": Page(f"<Response>{inner}</Response>"),
        **{f"/{path}": Page(f"<Response>{each}</Response>") for path, each in more.items()},
    }


Build = Callable[[VoiceResponse], object]


def built(first: Build, **more: Build) -> dict[str, Page]:
    """The same by the builder of Twilio's own package."""

    def page(build: Build) -> Page:
        response = VoiceResponse()
        build(response)
        return Page(str(response).partition("?>")[2], is_built=True)

    return {"/voice": page(first), **{f"/{path}": page(each) for path, each in more.items()}}


class Server:
    """Answers an application's requests, and remembers them."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        self._pages = pages
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        self.headers: list[dict[str, str]] = []

    async def send(self, request: HttpRequest, fields: Mapping[str, str]) -> HttpAnswer:
        """See Send."""
        url = urlsplit(request.url)
        given = dict(fields) if request.method == "POST" else dict(parse_qsl(url.query, keep_blank_values=True))
        self.asked.append((request.method, url.path, given))
        self.headers.append(dict(request.headers))
        await asyncio.sleep(0.05)
        page = self._pages.get(url.path)
        if page is None:
            return HttpAnswer(404)
        if page.status == 0:
            raise HttpRequestError("the server cannot be reached (nobody listens)")
        return HttpAnswer(page.status, (("content-type", page.content_type), *page.headers), page.body.encode())


@asynccontextmanager
async def sound(request: HttpRequest, _values: Mapping[str, Any]) -> AsyncIterator[HttpBody]:
    """In place of `HttpRequest.open`: half a second of a tone, unless the path says otherwise."""
    if "missing" in request.url:
        raise HttpRequestError("HTTP 404")

    async def pieces() -> AsyncIterator[bytes]:
        yield NO_MP3 if "mp3" in request.url else wav(tones((440.0,), 1_000 * SOUND_S))

    yield HttpBody("audio/mpeg" if "mp3" in request.url else "audio/wav", pieces())


@dataclass
class Outcome:
    """What became of a case."""

    said: tuple[str, ...]
    asked: list[tuple[str, str, dict[str, str]]]
    end: str
    reports: list[str]
    keys: str
    to: str
    took_s: float


async def played(case: Case, folder: Path) -> Outcome:
    """Run a case."""
    server = Server(case.pages)
    application = Application(f"{HOST}/voice", **{"token": TOKEN, "recordings_url": HOST, **case.options})

    called: list[str] = []

    async def keep(message: Message) -> Path:
        return save_message(folder, "call", message.pcm)

    def end_of(target: str) -> End:
        called.append(target)
        return case.ends[target] if isinstance(case.ends, Mapping) else case.ends

    call = SimulatedCall(
        TwimlAgent(application, server.send),
        caller=f"sip:{CALLER}@carrier.example",
        called=f"sip:{CALLED}@bot.example",
        transfers=True,
        transfer_ends_of=end_of,
        rings_s=case.rings_s,
        queue_ends_of=lambda name: _queued(case),
        taken_of=lambda name: _taken(case),
        early_media=True,
        languages=case.languages,
        on_message=keep,
    )
    async with call as caller:
        began = caller.now
        for line in case.caller:
            await act(caller, line)
        async with asyncio.timeout(LONGEST_S):
            await caller.over.wait()
        took_s = caller.now - began
        await asyncio.sleep(CALLBACKS_S)
    reports = [event.text for event in caller.events if isinstance(event, DialogNoted)]
    said = tuple(each.text for each in caller.transcript if each.who == "bot")
    to = ", ".join(called) or caller.transferred_to or ""
    return Outcome(said, server.asked, _end(caller), reports, caller.sent_keys, to, took_s)


def _queued(case: Case) -> Queued | None:
    if isinstance(case.queued, UserError):
        raise case.queued
    return case.queued


def _taken(case: Case) -> Taken:
    if isinstance(case.taken, UserError):
        raise case.taken
    return case.taken


async def act(caller: SimulatedCall, line: str) -> None:
    """One line of `Case.caller`."""
    action, _, rest = line.partition(" ")
    match action:
        case "hears":
            await caller.hears(rest, within_s=60)
        case "begins":
            await caller.begins_to_hear(rest, within_s=60)
        case "says":
            await caller.says(rest)
        case "presses":
            await caller.presses(rest)
        case "waits":
            await caller.waits(float(rest))
        case "hangs":
            await caller.hangs_up()
        case _:
            raise ValueError(line)


def _end(caller: SimulatedCall) -> str:
    if caller.early is not None and not caller.early.is_answered:
        return f"refused {caller.early.status}" if caller.bot_hung_up else "not answered"
    if caller.bot_hung_up:
        return "hung up"
    return "transferred" if caller.call.hung_up else "caller"


def _order(asked: tuple[str, str, dict[str, str]]) -> tuple[bool, int, str]:
    """Callbacks go their own way: they come last, by their numbers, and whom they are about."""
    _, path, given = asked
    return (True, int(given.get("SequenceNumber", 0)), given["To"]) if path in CALLBACKS else (False, 0, "")


def differences(case: Case, outcome: Outcome) -> list[str]:
    """Where the outcome is not what the case expects."""
    found = []
    for name in ("said", "end", "keys", "to"):
        expected, got = getattr(case, name), getattr(outcome, name)
        found += [f"{name}: {got!r}, and not {expected!r}"] if expected != got else []
    if len(outcome.asked) != len(case.asked):
        found.append(f"asked: {outcome.asked}")
    for line, (method, path, given) in zip(
        sorted(case.asked, key=lambda line: line.split()[1] in CALLBACKS),
        sorted(outcome.asked, key=_order),
        strict=False,
    ):
        wanted_method, wanted_path, *parameters = shlex.split(line)
        if (wanted_method, wanted_path) != (method, path):
            found.append(f"asked: {method} {path}, and not {line}")
        for each in parameters:
            name, _, value = each.partition("=")
            right = name[1:] not in given if each[0] == "!" else name in given and value in ("*", given[name])
            found += [] if right else [f"asked: {each}: {given}"]
    for part in case.reports:
        found += [] if any(part in each for each in outcome.reports) else [f"reports: {outcome.reports}, not {part!r}"]
    if not case.reports and outcome.reports:
        found.append(f"reports: {outcome.reports}")
    least, most = case.takes_s
    found += [] if least <= outcome.took_s <= most else [f"took {outcome.took_s:.2f} s"]
    return found
