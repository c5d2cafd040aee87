"""A message that a caller has left is written, sent on its way at once, and transcribed where that is possible."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offhook.api.message import Message
from offhook.calls.call_log import CallLog
from offhook.calls.kept_message import TRANSCRIBE_S, keep_message
from offhook.observe.metrics import Metrics
from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, OnPartial, Transcript
from offhook.pipeline.errors import EngineError
from offhook.records import RecordStore
from offhook.records.outbox import MESSAGE, OutboxRow, Subscription, listed
from offhook.settings.config import Config
from offhook.telephony.tones import tones
from tests.offhook.outbox.parts import until

PCM = tones((440.0,), 1_500)


class Recogniser:
    """Hears the same in everything, once it may; or fails."""

    name = "listener"

    def __init__(self, *, free_speech: bool = True, fails: bool = False, languages: tuple[str, ...] = ()) -> None:
        self.capabilities = AsrCapabilities(
            16_000, grammar=False, free_speech=free_speech, partials=False, languages=languages
        )
        self.requests: list[AsrRequest] = []
        self.may = asyncio.Event()
        self.heard = 0
        self._fails = fails

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    def open(self, request: AsrRequest, on_partial: OnPartial) -> "Recogniser":
        self.requests.append(request)
        return self

    def feed(self, pcm: bytes) -> None:
        self.heard += len(pcm)

    async def finish(self) -> Transcript:
        await self.may.wait()
        if self._fails:
            raise EngineError("listener", "it cannot transcribe", "it has no more money")
        return Transcript("Please call me back.")

    def cancel(self) -> None: ...


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    one = RecordStore.open(str(tmp_path / "calls.db"), subscriptions=[Subscription("crm", frozenset({MESSAGE}))])
    yield one
    one.close()


def config(folder: Path, **webhook: Any) -> Config:
    webhooks = {"crm": {"url": "https://crm.example.com", **webhook}}
    return Config.load(None, {"records": {"dir": folder}, "webhooks": webhooks})


def waiting(store: RecordStore) -> OutboxRow:
    (row,) = store.read(lambda conn: listed(conn, None, 10))
    return row


async def kept(store: RecordStore, settings: Config, recogniser: Recogniser, mailbox: str = "") -> Path:
    call_log = CallLog(store, Metrics(), src="sip:+15551234567@pbx", dst="sip:100@bot", call_id="x")
    message = Message(PCM, "silence", language="es-MX", mailbox=mailbox)
    return await keep_message(settings, recogniser, call_log, message)


@pytest.mark.parametrize(("mailbox", "told"), [("", None), ("sales", "sales")])
async def test_a_message_says_for_which_mailbox_it_is(
    store: RecordStore, tmp_path: Path, mailbox: str, told: str | None
) -> None:
    await kept(store, config(tmp_path), Recogniser(free_speech=False), mailbox)
    assert json.loads(waiting(store).body)["data"]["mailbox"] == told


async def test_a_message_waits_for_its_words(store: RecordStore, tmp_path: Path) -> None:
    recogniser = Recogniser()
    path = await kept(store, config(tmp_path), recogniser)
    row = waiting(store)
    assert row.due - row.since == pytest.approx(TRANSCRIBE_S)  # on disk before its words are known
    recogniser.may.set()
    await until(lambda: "transcript" in waiting(store).body)
    row = waiting(store)
    data = json.loads(row.body)["data"]
    assert row.due <= time.time()
    assert (data["file"], data["seconds"], data["ended_by"]) == (path.name, 1.5, "silence")
    assert data["transcript"] == "Please call me back." and data["src"] == "sip:+15551234567@pbx"
    assert recogniser.heard == pytest.approx(2 * len(PCM), rel=0.02)


@pytest.mark.parametrize(
    ("languages", "asked"), [((), "es-MX"), (("en", "es"), "es"), (("en",), None)], ids=["any", "known", "unknown"]
)
async def test_it_is_heard_in_the_callers_language(
    store: RecordStore, tmp_path: Path, languages: tuple[str, ...], asked: str | None
) -> None:
    recogniser = Recogniser(languages=languages)
    recogniser.may.set()
    await kept(store, config(tmp_path), recogniser)
    await until(lambda: "transcript" in waiting(store).body)
    assert [each.language for each in recogniser.requests] == [asked]


async def test_a_recogniser_that_fails_holds_up_nothing(store: RecordStore, tmp_path: Path) -> None:
    recogniser = Recogniser(fails=True)
    recogniser.may.set()
    await kept(store, config(tmp_path), recogniser)
    await until(lambda: waiting(store).due <= time.time())
    assert json.loads(waiting(store).body)["data"]["transcript"] == ""


async def test_nothing_is_transcribed_where_nobody_keeps_words(store: RecordStore, tmp_path: Path) -> None:
    recogniser, records = Recogniser(), {"dir": tmp_path, "transcripts": False}
    settings = Config.load(None, {"records": records, "webhooks": {"crm": {"url": "https://crm.example.com"}}})
    assert (await kept(store, settings, recogniser)).exists()
    assert recogniser.heard == 0 and "transcript" not in waiting(store).body


@pytest.mark.parametrize(
    ("free_speech", "webhook"), [(False, {}), (True, {"transcript": False}), (True, {"events": ("call.ended",)})]
)
async def test_nothing_is_transcribed_that_cannot_be_or_is_not_wanted(
    store: RecordStore, tmp_path: Path, free_speech: bool, webhook: dict[str, Any]
) -> None:
    recogniser = Recogniser(free_speech=free_speech)
    await kept(store, config(tmp_path, **webhook), recogniser)
    assert recogniser.heard == 0 and waiting(store).due == waiting(store).since
