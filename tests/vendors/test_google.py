"""Our clients on the server that Google's own clients accept (test_google_client). More in test_recognisers and
test_voices."""

import asyncio
import os
import random
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from offhook.cli.checks import engines
from offhook.cli.checks.finding import Level
from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.engine import AsrRequest
from offhook.settings.config import Config
from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.google import PROJECT, GoogleServer
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak, text_in
from offhook.usererror import UserError
from offhook.vendors import google_asr, google_tts
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.google_asr import GoogleAsr, GoogleTurn
from offhook.vendors.google_tts import GoogleTts
from offhook.vendors.google_voices import full_name
from offhook.vendors.google_whole_speech import bare, parts
from tests.vendors.hosted import TEXT, feed, recognise, said, spoken, until

RATE_HZ = 8_000
SAMPLES = 8 * MS_PER_CHARACTER
RENEWALS = int(os.environ.get("RENEWALS", "40"))


def listening(server: GoogleServer, **options: Any) -> Any:
    given = {"base_url": server.url, "api_key": server.api_key, "project": PROJECT, **options}
    return google_asr.make(given, EngineContext("asr", "google"))


def speaking(server: GoogleServer, language: str = "en", **options: Any) -> GoogleTts:
    given = {"base_url": server.url, "api_key": server.api_key, **options}
    return google_tts.make(given, EngineContext("tts", "google", language))


def loud(text: str, seconds: float) -> bytes:
    return PCMU.encode(speak(text, RATE_HZ) + bytes(2 * round(seconds * RATE_HZ)))


async def test_a_turns_options() -> None:
    async with GoogleServer(["yes"]) as server:
        engine = listening(server, model="telephony_short", keyterms=["IBAN"], endpointing="supershort", boost=5)
        stream = engine.open(AsrRequest(phrases=("yes", "no", "x" * 101), language="de-CH"), print)
        await feed(stream, said("yes"))
        found = await stream.finish()
        await engine.close()
        (message,) = server.sessions[0].messages
        assert message["recognizer"] == f"projects/{PROJECT}/locations/global/recognizers/_"
        config, features = message["streamingConfig"]["config"], message["streamingConfig"]["streamingFeatures"]
        assert (config["model"], config["languageCodes"]) == ("telephony_short", ["de-CH"])
        assert config["explicitDecodingConfig"]["encoding"] == "MULAW"
        (phrases,) = config["adaptation"]["phraseSets"]
        assert [each["value"] for each in phrases["inlinePhraseSet"]["phrases"]] == ["yes", "no", "IBAN"]
        assert phrases["inlinePhraseSet"]["boost"] == 5
        assert features == {"interimResults": True, "endpointingSensitivity": "ENDPOINTING_SENSITIVITY_SUPERSHORT"}
        assert found.alternatives == ("YES",)


async def test_phrases_can_be_kept_back() -> None:
    async with GoogleServer(["yes"]) as server:
        engine = listening(server, keyterms=["IBAN"], phrases=False)
        stream = engine.open(AsrRequest(phrases=("yes", "no")), print)
        await feed(stream, said("yes"))
        await stream.finish()
        await engine.close()
        (phrases,) = server.sessions[0].messages[0]["streamingConfig"]["config"]["adaptation"]["phraseSets"]
        assert [each["value"] for each in phrases["inlinePhraseSet"]["phrases"]] == ["IBAN"]


async def test_more_phrases_than_google_takes() -> None:
    async with GoogleServer(["yes"]) as server:
        engine = listening(server)
        stream = engine.open(AsrRequest(phrases=tuple(f"the phrase number {n}" for n in range(3_000))), print)
        await feed(stream, said("yes"))
        assert (await stream.finish()).text == "yes"
        await engine.close()
        assert server.violations == []


async def test_times_and_confidence_across_segments() -> None:
    async with GoogleServer(lambda pcm: text_in(pcm, RATE_HZ)) as server:
        engine = listening(server)
        audio = loud("one two", 0.8) + loud("three", 0.3)
        found = await recognise(engine, audio)
        await engine.close()
        assert [word.text for word in found.words] == ["one", "two", "three"]
        assert found.words[2].start_s == pytest.approx(7 * 0.06 + 0.8, abs=0.05)
        assert found.confidence == pytest.approx(0.97)


async def test_the_connection_is_lost_in_the_middle_of_speech() -> None:
    """500 times: RENEWALS=500."""
    rng = random.Random(RENEWALS)
    async with GoogleServer(lambda pcm: text_in(pcm, RATE_HZ)) as server:
        engine = listening(server, final_ms=3_000)
        await engine.start()
        for n in range(RENEWALS):
            texts = [f"number {n}", f"of {rng.randrange(1000)} please", "thank you"]
            audio = b"".join(loud(text, rng.choice((0.12, 0.66, 0.9))) for text in texts)
            cut = rng.randrange(len(audio) // 160 + 1) * 160
            stream = engine.open(AsrRequest(), [].append)
            await feed(stream, audio[:cut])
            if n % 4:
                await asyncio.sleep(0.01)  # some has been transcribed
            server.reset()
            await feed(stream, audio[cut:])
            found = await stream.finish()
            assert (found.text, found.is_final) == (" ".join(texts), True)
            assert len(found.words) == 7
        await engine.close()
        assert server.violations == []


class ShortTurn(GoogleTurn):
    """Google's five minutes in four seconds."""

    renew_s, last_s, again_s = 1.5, 3.4, 3.0


class ShortAsr(GoogleAsr):
    turn_type = ShortTurn


async def feed_in_step(turn: GoogleTurn, audio: bytes, server: GoogleServer) -> None:
    """Twenty times as fast as a call, but never more than 400 ms ahead of what the server has."""
    for at in range(0, len(audio), 160):
        turn.feed(audio[at : at + 160])
        await asyncio.sleep(0.001)
        while RATE_HZ * turn.call_s - sum(len(each.audio) for each in server.sessions[-1:]) > 3_200:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


async def test_calls_are_renewed_before_googles_limit() -> None:
    """In pauses, and in the middle of speech. 500 times: RENEWALS=500."""
    rng, renewals = random.Random(RENEWALS + 1), 0
    async with GoogleServer(lambda pcm: text_in(pcm, RATE_HZ), max_stream_s=4.4) as server:
        engine = listening(server, final_ms=3_000)
        short: Any = ShortAsr(engine.options, engine.context)
        await short.start()
        while renewals < RENEWALS:
            texts = ["".join(rng.choices("abcdefghij klmnop", k=rng.randrange(8, 24))) for _ in range(5)]
            audio = b"".join(loud(text, rng.choice((0.66, 0.9))) for text in texts)
            before = len(server.sessions)
            stream = short.open(AsrRequest(), [].append)
            await feed_in_step(stream, audio, server)
            found = await stream.finish()
            renewals += len(server.sessions) - before - 1
            assert found.is_final
            assert found.text.split() == " ".join(texts).split()
        await short.close()
        assert not [session for session in server.sessions if session.closed and session.closed[0] == 10]
        assert server.violations == []


async def test_silence_without_end() -> None:
    """A call without a result is renewed, and the audio before is not sent for ever."""
    async with GoogleServer(lambda pcm: text_in(pcm, RATE_HZ), max_stream_s=4.4) as server:
        engine = listening(server, final_ms=3_000)
        short: Any = ShortAsr(engine.options, engine.context)
        stream = short.open(AsrRequest(), [].append)
        await feed_in_step(stream, PCMU.silence * RATE_HZ * 8 + loud("yes", 0.2), server)
        assert (await stream.finish()).text == "yes"
        await short.close()
        assert 3 <= len(server.sessions) <= 50


async def test_many_turns_at_once_have_several_connections() -> None:
    async with GoogleServer(lambda pcm: "yes") as server:
        engine = listening(server, spare=2)
        await engine.start()
        assert engine.dump()["channels"] == 2
        streams = [engine.open(AsrRequest(), [].append) for _ in range(170)]
        for stream in streams:
            stream.feed(said("x"))
        await until(lambda: engine.dump()["calls"] == 170)
        assert engine.dump()["channels"] == 3
        assert {(await stream.finish()).text for stream in streams} == {"yes"}
        await until(lambda: engine.dump()["calls"] == 0)
        await engine.close()


async def test_an_outage_is_no_reason_not_to_start() -> None:
    server = GoogleServer([TEXT])
    await server.start()
    port, engine, voice = server.port, listening(server), speaking(server)
    await server.close()
    await asyncio.gather(engine.start(), voice.start())
    server = GoogleServer([TEXT])
    await server.start(port)
    await asyncio.sleep(0.5)
    assert (await recognise(engine, said())).text == TEXT
    audio, _ = await spoken(voice.synthesize("Here."))
    assert text_in(PCMU.decode(audio), RATE_HZ) == "Here."
    await asyncio.gather(engine.close(), voice.close())
    await server.close()


# Credentials.


async def test_a_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By GOOGLE_APPLICATION_CREDENTIALS, or by the option; the project is the account's own."""
    async with GoogleServer([TEXT, TEXT]) as server:
        path = server.service_account(tmp_path / "key.json")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
        context = EngineContext("asr", "google")
        for options in ({}, {"credentials_file": str(path)}):
            engine = google_asr.make({"base_url": server.url, **options}, context)
            await engine.start()
            assert (await recognise(engine, said())).text == TEXT
            await engine.close()
            monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


async def test_credentials_that_google_refuses(tmp_path: Path) -> None:
    async with GoogleServer([TEXT]) as server:
        other = GoogleServer().service_account(tmp_path / "key.json")
        engine = google_asr.make(
            {"base_url": server.url, "credentials_file": str(other)}, EngineContext("asr", "google")
        )
        with pytest.raises(VendorRefusedError, match="401"):
            await engine.start()


@pytest.mark.parametrize("content", ["{}", "nothing", None])
async def test_a_file_that_has_no_credentials(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    if content is not None:
        path.write_text(content)
    engine = google_asr.make({"credentials_file": str(path)}, EngineContext("asr", "google"))
    with pytest.raises(VendorRefusedError, match="cannot be read") as caught:
        await engine.start()
    assert "GOOGLE_APPLICATION_CREDENTIALS" in caught.value.hint


async def test_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_KEY", "GOOGLE_CLOUD_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    engine = google_asr.make({}, EngineContext("asr", "google"))
    with pytest.raises(VendorRefusedError, match="no credentials"):
        await engine.start()


async def test_a_key_needs_a_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    with pytest.raises(UserError, match="export GOOGLE_CLOUD_PROJECT="):
        google_asr.make({"api_key": "key"}, EngineContext("asr", "google"))


@pytest.mark.parametrize("url", ["http://speech.googleapis.com", "ws://127.0.0.1:1", "speech.googleapis.com"])
def test_a_key_is_not_sent_in_the_clear(url: str) -> None:
    with pytest.raises(UserError, match="base_url"):
        google_tts.make({"base_url": url}, EngineContext("tts", "google"))


async def test_check() -> None:
    async with GoogleServer() as server:

        def config(**options: Any) -> Config:
            own = {"base_url": server.url, "api_key": server.api_key, **options}
            asr = {"engine": "google", "google": {**own, "project": PROJECT}}
            return Config.model_validate(
                {"asr": asr, "tts": {"engine": "google", "google": own}, "vad": {"engine": "energy"}}
            )

        (finding,) = await engines.check(config())
        assert finding.level is Level.OK
        (finding,) = await engines.check(config(api_key="wrong-key"))
        assert finding.level is not Level.OK
        assert "Google refused the key (401: API key not valid" in finding.render()
        assert "export GOOGLE_API_KEY=" in finding.render()
        assert "GOOGLE_APPLICATION_CREDENTIALS" not in finding.render()
        assert "wrong-key" not in finding.render()


# Voices.


async def test_what_is_dropped_is_cut_at_once() -> None:
    async with GoogleServer(realtime_factor=1.0) as server:
        engine = speaking(server)
        async with aclosing(cast(Any, engine.synthesize("A long text, which takes a few seconds to speak."))) as chunks:
            await anext(chunks)
        await until(lambda: server.sessions[0].closed is not None, 0.5)
        await engine.close()


@pytest.mark.parametrize("encoding", ["PCMU", "PCMA", "LINEAR16"])
async def test_words_of_voices_that_do_not_stream(encoding: str) -> None:
    text = 'Tom & Jerry <have> "three" calls.'
    async with GoogleServer() as server:
        engine = speaking(server, voice="en-US-Wavenet-A").for_line(encoding, RATE_HZ)
        audio, words = await spoken(engine.synthesize(text))
        await engine.close()
        decode = {"PCMU": PCMU.decode, "PCMA": PCMA.decode}.get(encoding, bytes)
        assert text_in(decode(audio), RATE_HZ) == text
        assert engine.capabilities.word_positions
        assert [text[word.char_start : word.char_end] for word in words] == text.split()
        assert all(word.start_sample == pytest.approx(word.char_start * SAMPLES, abs=2) for word in words)
        assert words[-1].end_sample == len(text) * SAMPLES


async def test_a_long_text_of_a_voice_that_does_not_stream() -> None:
    text = " ".join(f"{n} and" for n in range(300))
    async with GoogleServer() as server:
        engine = speaking(server, voice="en-US-Neural2-C")
        audio, words = await spoken(engine.synthesize(text))
        await engine.close()
        assert text_in(PCMU.decode(audio), RATE_HZ).replace(" ", "") == text.replace(" ", "")
        assert [text[word.char_start : word.char_end] for word in words] == text.split()
        gaps = len(server.sessions) * SAMPLES  # the spaces between two parts are not spoken
        assert all(0 <= word.char_start * SAMPLES - word.start_sample <= gaps for word in words)
        assert server.violations == []


async def test_voices_without_marks_speak_too() -> None:
    async with GoogleServer() as server:
        engine = speaking(server, voice="en-US-Studio-O")
        audio, words = await spoken(engine.synthesize("Good day."))
        await engine.close()
        assert (text_in(PCMU.decode(audio), RATE_HZ), words) == ("Good day.", [])
        assert not engine.capabilities.word_positions


async def test_languages_and_voices() -> None:
    async with GoogleServer() as server:
        engine = speaking(server, voices={"fr": "fr-FR-Wavenet-A"})
        await engine.start()
        assert engine.voice == "en-US-Chirp3-HD-Kore"
        assert engine.in_language("de").voice == "de-DE-Chirp3-HD-Kore"
        assert engine.in_language("de-CH").voice == "de-DE-Chirp3-HD-Kore"
        assert engine.in_language("fr").voice == "fr-FR-Wavenet-A"
        assert (engine.voices["Puck"], engine.voices["en-GB-Wavenet-A"]) == ("", "en-GB")
        assert engine.with_voice("Puck").voice == "en-US-Chirp3-HD-Puck"
        assert engine.with_voice("en-GB-Wavenet-A").capabilities.word_positions
        with pytest.raises(KeyError):
            engine.with_voice("Nobody")
        audio, _ = await spoken(engine.in_language("de").synthesize("Guten Tag."))
        assert text_in(PCMU.decode(audio), RATE_HZ) == "Guten Tag."
        await engine.close()
        with pytest.raises(VendorRefusedError, match="no voice 'en-US-Chirp3-HD-Koer'") as caught:
            await speaking(server, voice="Koer").start()
        assert "en-US-Chirp3-HD-Kore" in caught.value.hint


def test_names() -> None:
    assert full_name("Kore", "es", ()) == "es-ES-Chirp3-HD-Kore"
    assert full_name("en-GB-Chirp3-HD-Puck", "en", ()) == "en-GB-Chirp3-HD-Puck"
    assert full_name("en-GB-Chirp3-HD-Puck", "de", ()) == "de-DE-Chirp3-HD-Puck"
    assert full_name("en-GB-Wavenet-A", "de", ()) == "de-DE-Chirp3-HD-Kore"


def test_parts() -> None:
    text = "größere Wörter, " * 50
    found = list(parts(text, 100))
    assert "".join(found) == text
    assert max(len(part.encode()) for part in found) <= 100
    assert list(parts("x" * 250, 100)) == ["x" * 100, "x" * 100, "x" * 50]


def test_a_wav_file_with_other_chunks() -> None:
    fmt = b"fmt \x10\0\0\0" + bytes(16)
    assert bare(b"RIFF\0\0\0\0WAVE" + fmt + b"LIST\x03\0\0\0abc\0data\x04\0\0\0wxyzrest") == b"wxyz"
    assert bare(b"no file") == b"no file"
