"""The words that a vendor is told to prefer: those of the options, and a question's phrases."""

from collections.abc import Callable
from typing import Any

import pytest

from offhook.pipeline.asr.engine import AsrRequest
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.server import SessionLog
from offhook.vendors import deepgram_asr
from offhook.vendors.keyterms import KeytermLimits, KeytermOptions, keyterms_of
from tests.vendors.hosted import ASSEMBLYAI, CARTESIA, ELEVENLABS, OPENAI, Vendor, feed, said, until

PHRASES = ("check my balance", "sales", "a phrase that is a good deal longer than any vendor takes")


def test_the_options_words_come_first_and_each_once() -> None:
    options = KeytermOptions(keyterms=("IBAN", " Sales  team "))
    assert keyterms_of(options, ["iban", "support"], KeytermLimits()) == ("IBAN", "Sales team", "support")
    assert keyterms_of(KeytermOptions(keyterms=("IBAN",), phrases=False), ["support"], KeytermLimits()) == ("IBAN",)


def test_what_a_vendor_would_refuse_is_left_out() -> None:
    limits = KeytermLimits(terms=2, term_chars=8, term_words=2, total_chars=12)
    assert keyterms_of(KeytermOptions(), ["a b c", "too long to take", "eight888", "four", "five"], limits) == (
        "eight888",
        "four",
    )
    assert keyterms_of(KeytermOptions(), ["eight888", "fives", "four"], limits) == ("eight888", "four")


def deepgram(model: str) -> Vendor:
    return Vendor(f"deepgram-{model}", DeepgramServer, deepgram_asr.make, options={"model": model})


def configured(log: SessionLog) -> list[list[str]]:
    """What Deepgram was told while the stream was open."""
    return [each["keyterms"] for each in log.messages if each.get("type") == "Configure"]


def updated(log: SessionLog) -> list[list[str]]:
    """AssemblyAI."""
    return [each["keyterms_prompt"] for each in log.messages if each.get("type") == "UpdateConfiguration"]


OPENED: list[tuple[Vendor, Callable[[SessionLog], list[list[str]]]]] = [
    (deepgram("nova-3"), configured),
    (deepgram("flux-general-en"), configured),
    (ASSEMBLYAI, updated),
]


@pytest.mark.parametrize(("vendor", "told"), OPENED, ids=lambda each: repr(each) if isinstance(each, Vendor) else "")
async def test_an_open_stream_is_told_when_they_change(
    vendor: Vendor, told: Callable[[SessionLog], list[list[str]]]
) -> None:
    async with vendor.server(["sales", "sales", "yes"]) as server:
        engine = vendor.engine(server, kind="asr", keyterms=["IBAN"])
        await engine.start()
        await until(lambda: bool(server.sessions))
        for phrases in (PHRASES[:2], PHRASES[:2], ()):
            stream = engine.open(AsrRequest(phrases=phrases), print)
            await feed(stream, said("sales"))
            assert (await stream.finish()).is_final
        await engine.close()
        (used,) = (session for session in server.sessions if session.audio)
        assert told(used) == [["IBAN", *PHRASES[:2]], ["IBAN"]]
        assert server.violations == []


async def recognised(vendor: Vendor, **options: Any) -> SessionLog:
    """The session of a turn."""
    async with vendor.server(["sales"]) as server:
        engine = vendor.engine(server, kind="asr", keyterms=["IBAN"], **options)
        await engine.start()
        stream = engine.open(AsrRequest(phrases=PHRASES), print)
        await feed(stream, said("sales"))
        assert (await stream.finish()).text == "sales"
        await engine.close()
        return next(session for session in server.sessions if session.audio)


async def test_elevenlabs() -> None:
    assert (await recognised(ELEVENLABS)).query["keyterms"] == ["IBAN"]
    assert (await recognised(ELEVENLABS, phrases=True)).query["keyterms"] == ["IBAN", *PHRASES[:2]]


async def test_cartesia() -> None:
    assert (await recognised(CARTESIA)).query["keyterm"] == ["IBAN"]
    assert (await recognised(CARTESIA, phrases=True)).query["keyterm"] == ["IBAN", *PHRASES[:2]]


async def test_a_regional_address_is_told_when_a_stream_is_opened() -> None:
    vendor = deepgram("nova-3")
    async with vendor.server() as server:
        engine = vendor.engine(server, kind="asr", base_url="wss://api.eu.deepgram.com", keyterms=["IBAN"])
        assert "keyterm=IBAN&keyterm=sales" in engine.target_of(AsrRequest(phrases=("sales",))).url
        assert engine.preferring("en", ("sales",)) is None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gpt-live-transcribe", {"keywords": ["IBAN", *PHRASES[:2]]}),
        ("gpt-4o-mini-transcribe", {"prompt": "A bank. Expect: IBAN, check my balance, sales."}),
        ("whisper-1", {"prompt": "A bank. IBAN, check my balance, sales"}),
        ("gpt-realtime-whisper", {}),
    ],
)
async def test_openai(model: str, expected: dict[str, object]) -> None:
    """By model: as keywords, in the prompt, or not at all."""
    prompt = {"prompt": "A bank."} if "prompt" in expected else {}
    session = await recognised(OPENAI, model=model, final_ms=2_000, **prompt)
    updates = [each for each in session.messages if each["type"] == "session.update"]
    transcription = updates[-1]["session"]["audio"]["input"]["transcription"]
    given = {name: transcription[name] for name in ("keywords", "prompt") if name in transcription}
    assert given == expected
