"""Our client on the server that the vendor's own client accepts (test_deepgram_sdk)."""

import asyncio
import os
import random
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.telephony.codec import PCMA
from offhook.testing.vendors.deepgram import DeepgramServer
from offhook.testing.vendors.tone_speech import speak, text_in
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.limits import Limits
from tests.vendors.deepgram import QUIET, RATE_HZ, Caller, frames, loud, recogniser

NOVA: dict[str, Any] = {"model": "nova-3"}
FLUX: dict[str, Any] = {"model": "flux-general-en"}
both = pytest.mark.parametrize("options", [NOVA, FLUX], ids=["nova", "flux"])
TEXT = "check my balance"


async def turn(caller: Caller, text: str = TEXT) -> str:
    await caller.says(loud(text))
    return (await caller.stream.finish()).text


@both
async def test_a_turn(options: dict[str, Any]) -> None:
    async with DeepgramServer([TEXT]) as server, recogniser(server, **options) as engine:
        caller = Caller(engine)
        await caller.says(QUIET[:2_400] + loud(TEXT))
        await caller.until(TEXT)
        transcript = await caller.stream.finish()
        assert (transcript.text, transcript.is_final) == (TEXT, True)
        assert transcript.confidence == pytest.approx(0.97)
        assert [word.text for word in transcript.words] == TEXT.split()
        assert 0.25 < transcript.words[0].start_s < 0.4
        assert caller.partials[0] == "check" or options is FLUX
        assert bytes(server.sessions[0].audio) == QUIET[:2_400] + loud(TEXT)
        assert server.sessions[0].option("encoding") == "mulaw"
        assert server.violations == []
        assert engine.audio_s == pytest.approx(0.3 + len(TEXT) * 0.06 + 0.5)


@both
async def test_turns_share_a_connection_and_times_begin_anew(options: dict[str, Any]) -> None:
    async with DeepgramServer([f"turn {n}" for n in range(5)]) as server, recogniser(server, **options) as engine:
        for n in range(5):
            caller = Caller(engine)
            await caller.says(loud(f"turn {n}"))
            transcript = await caller.stream.finish()
            assert transcript.text == f"turn {n}"
            assert transcript.words[0].start_s < 0.3
        assert sum(bool(session.audio) for session in server.sessions) == 1


@both
async def test_another_turns_result_is_dropped(options: dict[str, Any]) -> None:
    async with DeepgramServer(["one", "two"]) as server, recogniser(server, **options) as engine:
        assert await turn(Caller(engine)) == "one"
        server.fault = "wrong-context"
        assert await turn(Caller(engine)) == "two"


@both
async def test_a_final_that_never_comes_is_replaced_by_the_latest_partial(options: dict[str, Any]) -> None:
    async with DeepgramServer([TEXT], fault="no-final") as server, recogniser(server, **options) as engine:
        caller = Caller(engine)
        await caller.says(loud(TEXT))
        await caller.until(TEXT)
        began = time.monotonic()
        transcript = await caller.stream.finish()
        assert 0.29 <= time.monotonic() - began < 0.6
        assert (transcript.text, transcript.is_final) == (TEXT, False)


@both
async def test_a_slow_final_reaches_nobody_else(options: dict[str, Any]) -> None:
    async with DeepgramServer(["one two three", "four"], slow_s=0.5) as server, recogniser(server, **options) as engine:
        server.fault = "slow"
        caller = Caller(engine)
        await caller.says(loud("one two three"))
        await caller.until("one two three")
        assert not (await caller.stream.finish()).is_final
        server.fault = None
        assert await turn(Caller(engine), "four") == "four"
        await asyncio.sleep(0.4)  # the late final has come
        assert engine.dump()["idle"] == 2


@both
async def test_shrinking_partials(options: dict[str, Any]) -> None:
    text = "one two three four five six"
    async with DeepgramServer([text], fault="shrinking-partials") as server, recogniser(server, **options) as engine:
        caller = Caller(engine)
        await caller.says(loud(text), 0.001)
        assert (await caller.stream.finish()).text == text


@both
async def test_a_mute_vendor_fails_within_a_second(options: dict[str, Any]) -> None:
    async with DeepgramServer([TEXT], fault="mute") as server, recogniser(server, **options) as engine:
        caller = Caller(engine)
        await caller.says(loud(TEXT))
        began = time.monotonic()
        with pytest.raises(EngineTimeout, match="nothing came"):
            await caller.stream.finish()
        assert time.monotonic() - began < 1.5


@both
@pytest.mark.parametrize("turns", [int(os.environ.get("RENEWALS", "40"))])
async def test_streams_are_renewed_in_the_middle_of_speech(options: dict[str, Any], turns: int) -> None:
    rng, options = random.Random(turns), {"final_ms": 3_000, **options}
    async with DeepgramServer(lambda pcm: text_in(pcm, RATE_HZ)) as server, recogniser(server, **options) as engine:
        for n in range(turns):
            text = f"number {n} of {rng.randrange(1000)} please"
            audio = list(frames(loud(text)))
            cut = rng.randrange(len(audio) + 1)
            caller = Caller(engine)
            await caller.says(b"".join(audio[:cut]))
            if n % 4:
                await asyncio.sleep(0.01)  # some has been transcribed
            server.reset()
            await caller.says(b"".join(audio[cut:]))
            transcript = await caller.stream.finish()
            assert (transcript.text, transcript.is_final) == (text, True)
            assert len(transcript.words) == 5
        assert server.violations == []


@both
async def test_a_vendor_that_keeps_dying_fails_the_turn(options: dict[str, Any]) -> None:
    async with DeepgramServer([TEXT], fault="dies") as server, recogniser(server, **options) as engine:
        caller = Caller(engine)
        await caller.says(loud(TEXT), 0.001)
        with pytest.raises(EngineError, match="broke off"):
            await caller.stream.finish()
        assert server.upgrades >= 3


async def test_429_at_the_upgrade() -> None:
    async with DeepgramServer([TEXT]) as server:
        server.fault = "busy"
        async with recogniser(server, spare=0) as engine:
            caller = Caller(engine)
            await caller.says(loud(TEXT))
            with pytest.raises(EngineError, match="too many connections") as raised:
                await caller.stream.finish()
            assert "Raise its limit" in raised.value.hint


async def test_a_wrong_key_is_found_at_the_start() -> None:
    async with DeepgramServer([TEXT]) as server:
        with pytest.raises(VendorRefusedError, match="refused the key") as raised:
            async with recogniser(server, api_key="wrong"):
                pass
        assert raised.value.hint == "Type: export DEEPGRAM_API_KEY=…"
        assert "wrong" not in str(raised.value)


async def test_options_that_deepgram_refuses_are_found_at_the_start() -> None:
    async with DeepgramServer([TEXT]) as server:
        with pytest.raises(VendorRefusedError, match="eot_threshold must be") as raised:
            async with recogniser(server, **FLUX, query={"eot_threshold": "3"}):
                pass
        assert "[asr.deepgram]" in raised.value.hint


async def test_an_outage_is_no_reason_not_to_start() -> None:
    server = DeepgramServer([TEXT])
    await server.start()
    port = server.port
    await server.close()
    server._server = None
    options: dict[str, Any] = {"base_url": f"ws://127.0.0.1:{port}"}
    async with DeepgramServer() as other, recogniser(other, **options) as engine:
        caller = Caller(engine)
        with pytest.raises(EngineError, match="cannot be reached") as raised:
            await turn(caller)
        assert "[asr.deepgram]" in raised.value.hint
        async with DeepgramServer([TEXT]) as back:
            await back.close()
            await back.start(port)
            assert await turn(Caller(engine)) == TEXT


async def test_unused_connections_are_kept_alive() -> None:
    server = DeepgramServer([TEXT], idle_s=0.8, fault="idle-close")
    async with server, recogniser(server, Limits(keep_alive_s=0.2)) as engine:
        await asyncio.sleep(1.6)
        assert await turn(Caller(engine)) == TEXT
        assert server.upgrades <= 2  # the second is the next spare one
        kept = next(session for session in server.sessions if session.audio)
        assert {"type": "KeepAlive"} in kept.messages


async def test_connections_are_renewed_before_they_are_too_old() -> None:
    async with DeepgramServer([TEXT, TEXT]) as server, recogniser(server, Limits(max_age_s=0.5)) as engine:
        assert await turn(Caller(engine)) == TEXT
        await asyncio.sleep(1.0)
        assert await turn(Caller(engine)) == TEXT
        assert sum(bool(session.audio) for session in server.sessions) == 2
        assert (1000, "") in [session.closed for session in server.sessions]


async def test_a_connection_that_was_closed_while_idle_is_replaced() -> None:
    async with DeepgramServer([TEXT], idle_s=0.2, fault="idle-close") as server, recogniser(server) as engine:
        await asyncio.sleep(0.8)
        server.fault = None
        assert await turn(Caller(engine)) == TEXT


@both
async def test_a_cancelled_turn_leaves_nothing(options: dict[str, Any]) -> None:
    async with DeepgramServer(["one", "two"]) as server, recogniser(server, **options) as engine:
        caller = Caller(engine)
        await caller.says(loud("one"))
        caller.stream.cancel()
        caller.stream.cancel()
        assert await turn(Caller(engine)) == "two"
        assert caller.partials in (["one"], [])


async def test_a_law_lines_stay_a_law() -> None:
    async with DeepgramServer([TEXT]) as server, recogniser(server) as engine:
        line = engine.for_line("PCMA", 8_000)
        assert line.capabilities.encoding == "PCMA"
        caller = Caller(line)
        audio = PCMA.encode(speak(TEXT, RATE_HZ) + bytes(8_000))
        await caller.says(audio)
        assert (await caller.stream.finish()).text == TEXT
        used = next(session for session in server.sessions if session.audio)
        assert used.option("encoding") == "alaw"
        assert bytes(used.audio) == audio
        assert engine.for_line("G722", 16_000).capabilities.rate_hz == 16_000
        assert engine.for_line("PCMU", 8_000) is engine


async def test_flux_ends_turns() -> None:
    async with DeepgramServer(["one two"]) as server, recogniser(server, **FLUX, turns="vendor") as engine:
        assert engine.capabilities.ends_turns
        caller = Caller(engine)
        await caller.says(loud("one two", 0.6), 0.001)
        async with asyncio.timeout(2):
            while "over" not in caller.endpoints:  # noqa: ASYNC110 - reports come from the vendor
                await asyncio.sleep(0.01)
        assert caller.endpoints == ["likely", "over"]
        began = time.monotonic()
        assert (await caller.stream.finish()).text == "one two"
        assert time.monotonic() - began < 0.1  # nothing is forced


@both
async def test_the_vendor_as_adviser(options: dict[str, Any]) -> None:
    text = ["seventeen", "eighteen"] if options is NOVA else ["seventeen eighteen"]
    pause_s = 0.4 if options is NOVA else 0.3
    async with DeepgramServer(text) as server, recogniser(server, **options, turns="adviser") as engine:
        caller = Caller(engine)
        await caller.says(loud("seventeen", pause_s) + loud("eighteen", 0.5), 0.001)
        assert (await caller.stream.finish()).text == "seventeen eighteen"
        assert caller.endpoints[:3] == ["likely", "resumed", "likely"]
        assert "over" not in caller.endpoints


async def test_languages() -> None:
    async with DeepgramServer(["eins"]) as server, recogniser(server, language="de") as engine:
        assert await turn(Caller(engine, "de-CH"), "eins") == "eins"
        used = next(session for session in server.sessions if session.audio)
        assert used.option("language") == "de-CH"
    async with DeepgramServer() as server, recogniser(server, model="flux-general-multi") as engine:
        assert "de" in engine.capabilities.languages


@both
async def test_closing_the_engine_ends_turns_and_leaves_no_task(options: dict[str, Any]) -> None:
    async with DeepgramServer([TEXT]) as server:
        before = asyncio.all_tasks()
        async with recogniser(server, **options) as engine:
            caller = Caller(engine)
            await caller.says(loud("check"))
            await caller.until("check")
            silent = Caller(engine)
        transcript = await caller.stream.finish()
        assert (transcript.text, transcript.is_final) == ("check", False)  # what was heard is not lost
        with pytest.raises(EngineError, match="the engine was closed"):
            await silent.stream.finish()
        await asyncio.sleep(0.1)
        ours = [task for task in asyncio.all_tasks() - before if "offhook/vendors" in str(task)]
        assert ours == []


@both
async def test_a_connection_that_breaks_after_the_turn(options: dict[str, Any]) -> None:
    async with DeepgramServer([TEXT] * 2, slow_s=0.2) as server, recogniser(server, **options) as engine:
        server.fault = "slow"
        caller = Caller(engine)
        await caller.says(loud(TEXT))
        await caller.until(TEXT)
        finishing = asyncio.create_task(caller.stream.finish())
        await asyncio.sleep(0.1)
        server.fault = None
        server.reset()
        transcript = await finishing
        assert transcript.text == TEXT


@pytest.mark.parametrize(
    ("options", "query"),
    [
        (NOVA, {"language": ["multi"], "language_hint": ["en", "es"]}),
        ({"model": "flux-general-multi"}, {"language_hint": ["en", "es"]}),
    ],
)
async def test_several_languages_in_one_turn(options: dict[str, Any], query: dict[str, list[str]]) -> None:
    async with DeepgramServer(["hola"]) as server, recogniser(server, **options) as engine:
        assert engine.capabilities.mixes
        request = AsrRequest(language="en", others=("es-MX",))
        found = parse_qs(urlsplit(engine.target_of(request).url).query)
        assert {name: value for name, value in found.items() if name.startswith("language")} == query
        stream = engine.open(request, lambda _: None)
        for frame in frames(loud("hola")):
            stream.feed(frame)
        assert (await stream.finish()).text == "hola"
        assert server.violations == []


async def test_a_model_of_one_language_mixes_none() -> None:
    for model in ("nova-2", "nova-3-medical", "flux-general-en"):
        async with DeepgramServer() as server, recogniser(server, model=model) as engine:
            assert not engine.capabilities.mixes
