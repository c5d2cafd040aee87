"""Our client on the server that Amazon's own client accepts (test_amazon_sdk)."""

import asyncio
import os
import random
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.adapt import adapt
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.chain.asr import ChainAsr
from offhook.pipeline.chain.member import Member
from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.telephony.codec import PCMA, PCMU
from offhook.telephony.resample import Resampler
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.amazon_transcribe import MAX_CHUNK_BYTES
from offhook.testing.vendors.tone_speech import speak, text_in
from offhook.usererror import UserError
from offhook.vendors import amazon, amazon_asr
from offhook.vendors.amazon_asr import audio_event
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.limits import Limits
from tests.pipeline.chain.scripted import ASR_LIMITS, ScriptedAsr
from tests.vendors.amazon import RATE_HZ, Caller, loud, quiet, recogniser, recogniser_of, turn, until

TEXT = "check my balance"


async def test_a_turn() -> None:
    async with AmazonServer([TEXT]) as server, recogniser(server) as engine:
        caller = Caller(engine)
        audio = quiet(0.5) + loud(TEXT)
        await caller.says(audio)
        await until(lambda: TEXT in caller.partials)
        found = await caller.ends()
        assert (found.text, found.is_final) == (TEXT, True)
        assert found.confidence == pytest.approx(0.97)
        assert [word.text for word in found.words] == TEXT.split()
        assert 0.45 < found.words[0].start_s < 0.6
        assert all(later.startswith(earlier) for earlier, later in pairwise(caller.partials))
        used = server.sessions[1]  # the first was the trial at the start
        assert bytes(used.audio) == audio
        assert (used.option("sample-rate"), used.option("language-code")) == ("8000", "en-US")
        assert server.violations == []
        assert engine.audio_s == pytest.approx(len(audio) / 2 / RATE_HZ)


async def test_the_start_takes_one_stream() -> None:
    """Amazon bills each one."""
    async with AmazonServer([TEXT]) as server, recogniser(server) as engine:
        assert len(server.sessions) == 1
        await turn(engine, TEXT)
        assert len(server.sessions) == 2


async def test_each_turn_has_a_stream() -> None:
    async with AmazonServer([f"turn {n}" for n in range(4)]) as server, recogniser(server) as engine:
        for n in range(4):
            found = await turn(engine, f"turn {n}")
            assert (found.text, found.is_final) == (f"turn {n}", True)
            assert found.words[0].start_s < 0.1
        used = [session for session in server.sessions if session.audio]
        await until(lambda: [session.closed for session in used] == [(1000, "")] * 5)  # with the trial
        assert server.violations == []


async def test_results_of_pauses_are_put_together() -> None:
    async with AmazonServer(["check my", "balance please"]) as server, recogniser(server) as engine:
        caller = Caller(engine)
        await caller.says(loud("check my", 1.5) + loud("balance please"))
        found = await caller.ends()
        assert (found.text, found.is_final) == ("check my balance please", True)
        assert found.words[2].start_s > 1.9
        assert caller.endpoints == []


@pytest.mark.parametrize(("turns", "reports"), [("vendor", ["over"]), ("adviser", ["likely"])])
async def test_transcribes_own_end_of_a_turn(turns: str, reports: list[str]) -> None:
    async with AmazonServer(["check my"]) as server, recogniser(server, turns=turns) as engine:
        caller = Caller(engine)
        await caller.says(loud("check my", 1.5))
        await until(lambda: bool(caller.endpoints))
        assert (await caller.ends()).text == "check my"
        assert caller.endpoints == reports
        assert engine.capabilities.ends_turns


async def test_silence() -> None:
    async with AmazonServer([TEXT]) as server, recogniser(server) as engine:
        caller = Caller(engine)
        await caller.says(quiet(0.5))
        found = await caller.ends()
        assert (found.text, found.is_final) == ("", True)


async def test_wideband_lines_and_g711_lines() -> None:
    """Transcribe takes no G.711: such lines are sent as PCM of 8 kHz."""
    async with AmazonServer([TEXT, TEXT]) as server, recogniser(server) as engine:
        assert engine.for_line("PCMA", 8_000) is engine
        assert (engine.capabilities.encoding, engine.capabilities.rate_hz) == ("LINEAR16", 8_000)
        wide = engine.for_line("L16", 16_000)
        stream = wide.open(AsrRequest(), print)
        stream.feed(speak(TEXT, 16_000))
        assert (await stream.finish()).text == TEXT
        assert [session.option("sample-rate") for session in server.sessions if session.audio][-1] == "16000"


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
async def test_in_a_chain(law: str) -> None:
    async with AmazonServer([TEXT]) as server, recogniser(server) as engine:
        first = adapt("amazon", engine, Resampler, {"PCMU": PCMU.encode, "PCMA": PCMA.encode})
        members = [
            Member("amazon", first, "asr", ASR_LIMITS),
            Member[Any]("second", ScriptedAsr("second"), "asr", ASR_LIMITS),
        ]
        chain = ChainAsr(members, Resampler).for_line(law, 8_000)
        stream = chain.open(AsrRequest(), lambda text: None)
        stream.feed(speak(TEXT, chain.capabilities.rate_hz))
        async with asyncio.timeout(5):
            assert (await stream.finish()).text == TEXT


@pytest.mark.parametrize("turns", [int(os.environ.get("RENEWALS", "40"))])
async def test_streams_are_renewed_in_the_middle_of_speech(turns: int) -> None:
    rng = random.Random(turns)
    async with AmazonServer(lambda pcm: text_in(pcm, RATE_HZ)) as server, recogniser(server, final_ms=3_000) as engine:
        for n in range(turns):
            text = f"number {n} of {rng.randrange(1000)} please"
            audio = loud(text)
            cut = rng.randrange(len(audio) // 320 + 1) * 320
            caller = Caller(engine)
            await caller.says(audio[:cut])
            if n % 4:
                await asyncio.sleep(0.01)  # some has been transcribed
            server.reset()
            await caller.says(audio[cut:])
            found = await caller.ends()
            assert (found.text, found.is_final) == (text, True)
            assert len(found.words) == 5
        assert server.violations == []


@pytest.mark.parametrize("fault", ["no-final", "slow"])
async def test_a_final_that_does_not_come_in_time(fault: Any) -> None:
    async with AmazonServer([TEXT], fault=fault) as server, recogniser(server) as engine:
        caller = Caller(engine)
        await caller.says(loud(TEXT))
        await until(lambda: TEXT in caller.partials)
        began = time.monotonic()
        found = await caller.ends()
        assert 0.29 <= time.monotonic() - began < 0.6
        assert (found.text, found.is_final) == (TEXT, False)


async def test_mute() -> None:
    async with AmazonServer([TEXT], fault="mute") as server:
        engine = recogniser_of(server)
        with pytest.raises(EngineTimeout, match="nothing came"):
            await turn(engine, TEXT)
        await engine.close()


async def test_dies_in_a_turn() -> None:
    async with AmazonServer([TEXT], fault="dies") as server:
        engine = recogniser_of(server)
        with pytest.raises(EngineError, match="broke off"):
            await turn(engine, TEXT)
        await engine.close()


async def test_busy() -> None:
    async with AmazonServer([TEXT]) as server:
        server.fault = "busy"
        async with recogniser(server, spare=0) as engine:
            with pytest.raises(EngineError, match="too many connections") as raised:
                await turn(engine, TEXT)
            assert "Raise its limit" in raised.value.hint
            server.fault = None
            assert (await turn(engine, TEXT)).text == TEXT


async def test_shrinking_partials() -> None:
    text = "one two three four five six"
    async with AmazonServer([text], fault="shrinking-partials") as server, recogniser(server) as engine:
        assert (await turn(engine, text)).text == text


async def test_a_stream_that_nobody_used_is_renewed_before_amazon_ends_it() -> None:
    async with AmazonServer([TEXT]) as server, recogniser(server, Limits(unused_s=0.3), spare=1) as engine:
        await until(lambda: len(server.sessions) >= 4)
        assert (await turn(engine, TEXT)).text == TEXT
        assert amazon_asr.UNUSED_S < 15


async def test_a_stream_that_amazon_ended_is_replaced() -> None:
    server = AmazonServer([TEXT], fault="idle-close", idle_s=0.1)
    async with server, recogniser(server, spare=1) as engine:
        await until(lambda: len(server.sessions) >= 3)
        server.fault = None
        assert (await turn(engine, TEXT)).text == TEXT


async def test_turns_at_once() -> None:
    async with AmazonServer(lambda pcm: text_in(pcm, RATE_HZ)) as server, recogniser(server) as engine:
        texts = [f"caller number {n}" for n in range(8)]
        found = await asyncio.gather(*(turn(engine, text) for text in texts))
        assert [each.text for each in found] == texts


async def test_a_cancelled_turn_leaves_nothing() -> None:
    async with AmazonServer(["one", "two"]) as server, recogniser(server) as engine:
        caller = Caller(engine)
        await caller.says(loud("one"))
        await until(lambda: len(server.sessions) == 2)  # after the trial at the start
        caller.stream.cancel()
        caller.stream.cancel()
        assert (await turn(engine, "two")).text == "two"


async def test_options_and_languages() -> None:
    options: dict[str, Any] = {
        "vocabulary": "names",
        "language_model": "bank",
        "stability": "high",
        "query": {"session-id": "x"},
    }
    async with AmazonServer(["eins"]) as server, recogniser(server, language="de", **options) as engine:
        caller = Caller(engine, "fr-CA")
        await caller.says(loud("eins"))
        await caller.ends()
        used = next(each for each in server.sessions if each.option("language-code") == "fr-CA")
        assert used.option("vocabulary-name") == "names"
        assert used.option("language-model-name") == "bank"
        assert used.option("enable-partial-results-stabilization") == "true"
        assert used.option("partial-results-stability") == "high"
        assert used.option("session-id") == "x"
        assert server.sessions[0].option("language-code") == "de-DE"
        assert {"de", "de-CH", "en"} <= set(engine.capabilities.languages)


async def test_a_wrong_secret_is_found_at_the_start() -> None:
    async with AmazonServer([TEXT]) as server:
        for wrong in ({"secret_access_key": "wrong-key"}, {"access_key_id": "nobody"}):
            with pytest.raises(VendorRefusedError, match="Amazon refused the key") as raised:
                async with recogniser(server, None, **wrong):
                    pass
            assert "AWS_SECRET_ACCESS_KEY" in raised.value.hint
            assert "transcribe:StartStreamTranscriptionWebSocket" in raised.value.hint
            assert "wrong-key" not in str(raised.value)


async def test_options_that_amazon_refuses_are_found_at_the_start() -> None:
    async with AmazonServer([TEXT]) as server:
        with pytest.raises(VendorRefusedError, match="mediaEncoding") as raised:
            async with recogniser(server, query={"media-encoding": "mp3"}):
                pass
        assert "[asr.amazon]" in raised.value.hint


async def test_a_clock_that_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The signature has the time: what Amazon says about it is reported."""

    class Late(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + timedelta(hours=1)

    monkeypatch.setattr("offhook.testing.vendors.amazon.datetime", Late)
    async with AmazonServer([TEXT]) as server:
        with pytest.raises(VendorRefusedError, match="Signature expired"):
            async with recogniser(server):
                pass
    assert datetime.now(UTC).year > 2000


async def test_the_usual_places_of_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """The environment, then the files that the command `aws` writes."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text(
        "[phone]\naws_access_key_id = test-key-id\naws_secret_access_key = test-key\n"
    )
    (tmp_path / "config").write_text("[profile phone]\nregion = eu-central-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    async with AmazonServer([TEXT, TEXT]) as server:
        for options in ({"profile": "phone"}, {}):
            if not options:
                monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-id")
                monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-key")
                monkeypatch.setenv("AWS_REGION", "eu-west-1")
            engine = amazon_asr.make({"endpoint_url": server.url, **options}, EngineContext("asr", "amazon"))
            await engine.start()
            assert engine.account.region == ("eu-central-1" if options else "eu-west-1")
            assert (await turn(engine, TEXT)).text == TEXT
            await engine.close()
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        engine = amazon_asr.make({"endpoint_url": server.url}, EngineContext("asr", "amazon"))
        with pytest.raises(VendorRefusedError, match="there are none") as raised:
            await engine.start()
        assert "aws configure" in raised.value.hint
        monkeypatch.delenv("AWS_REGION")
        with pytest.raises(UserError, match="needs `region`"):
            amazon_asr.make({}, EngineContext("asr", "amazon"))
        with pytest.raises(UserError, match="needs both"):
            amazon_asr.make({"region": "eu-west-1", "access_key_id": "x"}, EngineContext("asr", "amazon"))
        with pytest.raises(UserError, match="nobody"):
            amazon_asr.make({"region": "eu-west-1", "profile": "nobody"}, EngineContext("asr", "amazon"))


def test_where_amazon_is() -> None:
    def url(region: str, service: amazon.Service) -> str:
        options = amazon.AmazonOptions(region=region)
        return amazon.Account(options, EngineContext("asr", "amazon"), service).target("/x").url

    assert url("eu-central-1", "transcribe") == "wss://transcribestreaming.eu-central-1.amazonaws.com:8443/x"
    assert url("us-east-1", "polly") == "https://polly.us-east-1.amazonaws.com/x"
    assert url("cn-north-1", "transcribe") == "wss://transcribestreaming.cn-north-1.amazonaws.com.cn:8443/x"


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (audio_event(bytes(MAX_CHUNK_BYTES + 2)), "too large"),
        (audio_event(b"\0"), "half a sample"),
        ("{}", "not an event"),
    ],
)
async def test_what_the_server_refuses(message: Any, why: str) -> None:
    async with AmazonServer([TEXT]) as server, recogniser(server) as engine:
        caller = Caller(engine)
        caller.stream.connection.send(message)
        with pytest.raises(EngineError, match=why):
            await caller.ends()
        assert server.violations


async def test_a_damaged_message() -> None:
    """Amazon ends the stream; the turn is sent again on another one."""
    async with AmazonServer([TEXT]) as server, recogniser(server) as engine:
        caller = Caller(engine)
        caller.stream.connection.send(bytes(20))
        await caller.says(loud(TEXT))
        assert (await caller.ends()).text == TEXT
        assert "checksum" in server.violations[0]


async def test_closing_the_engine_ends_turns_and_leaves_no_task() -> None:
    async with AmazonServer([TEXT]) as server:
        before = asyncio.all_tasks()
        async with recogniser(server) as engine:
            caller = Caller(engine)
            await caller.says(loud("check"))
            await until(lambda: bool(caller.partials))
        found = await caller.ends()
        assert (found.text, found.is_final) == ("check", False)
        await asyncio.sleep(0.1)
        assert [task for task in asyncio.all_tasks() - before if "offhook/vendors" in str(task)] == []
