"""What is Azure's own: requests on a connection, phrases, the renewal of streams, regions and tokens."""

import asyncio
import os
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from offhook.engines.factory import EngineContext
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.errors import EngineError
from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.tone_speech import speak, text_in
from offhook.usererror import UserError
from offhook.vendors import azure_wire as wire
from offhook.vendors.azure import locale
from offhook.vendors.azure_asr import PATH, AzureAsr, AzureTurn
from offhook.vendors.azure_asr import make as make_asr
from offhook.vendors.azure_tts import AzureTts
from offhook.vendors.azure_tts import make as make_tts
from offhook.vendors.errors import VendorRefusedError
from offhook.vendors.g711 import Format
from tests.vendors.deepgram import RATE_HZ, frames, loud
from tests.vendors.hosted import FRAME, TEXT, feed, recognise, said, until


def recogniser(server: AzureServer, **options: Any) -> AzureAsr:
    given = {"base_url": server.url, "api_key": server.api_key, "text": "lexical", **options}
    return make_asr(given, EngineContext("asr", "azure"))


def voice(server: AzureServer, language: str = "en", **options: Any) -> AzureTts:
    given = {"base_url": server.url, "api_key": server.api_key, **options}
    return make_tts(given, EngineContext("tts", "azure", language))


def sent(server: AzureServer, path: str) -> list[dict[str, Any]]:
    return [message for session in server.sessions for message in session.messages if message["path"] == path]


@pytest.mark.parametrize("turns", [int(os.environ.get("RENEWALS", "40"))])
async def test_streams_are_renewed_in_the_middle_of_speech(turns: int) -> None:
    """At places that nobody chose, before and behind the end of a phrase: no word is lost, none is doubled."""
    rng = random.Random(turns)
    async with AzureServer(lambda pcm: text_in(pcm, RATE_HZ)) as server:
        engine = recogniser(server, final_ms=3_000)
        await engine.start()
        for n in range(turns):
            texts = [f"number {n} of {rng.randrange(1000)} please", f"and {rng.randrange(1000)} more"]
            audio = list(frames(b"".join(loud(text, 0.6) for text in texts)))
            stream = engine.open(AsrRequest(), lambda text: None)
            cut = rng.randrange(len(audio) + 1)
            await feed(stream, b"".join(audio[:cut]))
            if n % 4:
                await asyncio.sleep(0.01)  # some has been transcribed
            server.reset()
            await feed(stream, b"".join(audio[cut:]))
            transcript = await stream.finish()
            assert (transcript.text, transcript.is_final) == (" ".join(texts), True)
            assert len(transcript.words) == 8
            assert all(one.end_s <= next_.start_s + 0.001 for one, next_ in pairwise(transcript.words))
        await engine.close()


async def test_what_is_settled_is_not_sent_again() -> None:
    async with AzureServer(lambda pcm: text_in(pcm, RATE_HZ)) as server:
        engine = recogniser(server)
        await engine.start()
        partials: list[str] = []
        stream = engine.open(AsrRequest(), partials.append)
        await feed(stream, loud("one two three", 0.6))
        await until(lambda: partials == ["one two three"])
        server.reset()
        await feed(stream, loud("four", 0.6))
        transcript = await stream.finish()
        await engine.close()
        assert transcript.text == "one two three four"
        second = [session for session in server.sessions if session.audio][1]
        assert len(second.audio) == pytest.approx(len(loud("four", 0.6)) + 0.6 * RATE_HZ, abs=FRAME)
        assert transcript.words[3].start_s == pytest.approx(len(loud("one two three", 0.6)) / RATE_HZ, abs=0.01)


async def test_azure_ends_a_turn_that_is_too_long() -> None:
    """Another request goes on behind the last phrase, on the same connection."""
    words = ["one", "two", "three", "four", "five"]
    async with AzureServer(lambda pcm: text_in(pcm, RATE_HZ)) as server:
        server.max_turn_s = 0.6
        engine = recogniser(server)
        await engine.start()
        stream = engine.open(AsrRequest(), lambda text: None)
        for frame in frames(b"".join(loud(word, 0.3) for word in words)):
            stream.feed(frame)
            await asyncio.sleep(0.001)
        transcript = await stream.finish()
        await engine.close()
        assert (transcript.text, transcript.is_final) == (" ".join(words), True)
        starts = [sum(len(loud(word, 0.3)) for word in words[:at]) / RATE_HZ for at in range(5)]
        found = [word.start_s for word in transcript.words]
        assert found[2:] == pytest.approx(starts[2:], abs=0.11)  # the server divides a phrase evenly
        assert len(sent(server, "audio")) >= 3
        assert sum(bool(session.audio) for session in server.sessions) == 1


async def test_azure_ends_turns_of_silence() -> None:
    async with AzureServer([TEXT]) as server:
        server.max_turn_s = 0.1
        engine = recogniser(server)
        await engine.start()
        stream = engine.open(AsrRequest(), lambda text: None)
        for _ in range(50):
            stream.feed(PCMU.silence * FRAME)
            await asyncio.sleep(0.002)
        transcript = await stream.finish()
        await engine.close()
        assert (transcript.text, transcript.is_final) == ("", True)
        assert len(sent(server, "audio")) >= 3


async def test_azure_ends_turns_without_a_result() -> None:
    """One that makes no progress fails, instead of asking without end."""
    async with AzureServer([TEXT]) as server:
        engine = recogniser(server)
        await engine.start()
        stream = engine.open(AsrRequest(), lambda text: None)
        assert isinstance(stream, AzureTurn)
        await feed(stream, PCMU.silence * FRAME)
        await stream.connection.opened()
        for _ in range(12):
            stream.on_message(wire.text_message("turn.end", stream._request_id, ""))
        with pytest.raises(EngineError, match="again and again"):
            await stream.finish()
        await engine.close()


async def test_a_connection_that_is_too_old() -> None:
    """Azure closes it in the middle of a turn, which goes on."""
    async with AzureServer(lambda pcm: text_in(pcm, RATE_HZ)) as server:
        server.max_connection_s = 0.2
        engine = recogniser(server)
        await engine.start()
        server.max_connection_s = 600.0  # of those that follow
        stream = engine.open(AsrRequest(), lambda text: None)
        for frame in frames(loud("this takes a while")):
            stream.feed(frame)
            await asyncio.sleep(0.004)
        transcript = await stream.finish()
        await engine.close()
        assert transcript.text == "this takes a while"
        assert (1000, "Maximum connection duration exceeded") in [session.closed for session in server.sessions]


async def test_requests_share_a_connection() -> None:
    """Whatever the line's encoding and rate; each has a header of its own."""
    pcm = speak("yes", 8_000)
    lines = {
        ("PCMU", 8_000): PCMU.encode(pcm),
        ("PCMA", 8_000): PCMA.encode(pcm),
        ("G722", 16_000): speak("yes", 16_000),
        ("L16", 8_000): pcm,
    }
    async with AzureServer(lambda pcm: "yes") as server:
        engine = recogniser(server)
        await engine.start()
        for (encoding, rate_hz), audio in lines.items():
            assert (await recognise(engine.for_line(encoding, rate_hz), audio)).text == "yes"
        await engine.close()
        found = [(message["encoding"], message["rate_hz"]) for message in sent(server, "audio")]
        assert found == [("PCMU", 8_000), ("PCMA", 8_000), ("LINEAR16", 16_000), ("LINEAR16", 8_000)]
        assert sum(bool(session.audio) for session in server.sessions) == 1
        assert len({message["request_id"] for message in sent(server, "speech.context")}) == 4


async def test_what_a_question_says() -> None:
    """Its phrases, after the words of the options, and its language."""
    async with AzureServer(["yes"]) as server:
        engine = recogniser(
            server, text="display", keyterms=["IBAN"], phrase_weight=1.5, silence_ms=800, query={"x": "y"}
        )
        request = AsrRequest(phrases=("yes", "no"), language="de-CH")
        stream = engine.open(request, lambda text: None)
        await feed(stream, said("yes"))
        transcript = await stream.finish()
        await engine.close()
        assert (transcript.text, transcript.alternatives) == ("Yes.", ("Yes eh.",))
        assert (transcript.confidence, transcript.words[0].confidence) == (0.97, 0.97)
        (context,) = sent(server, "speech.context")
        items = [{"text": phrase} for phrase in ("IBAN", "yes", "no")]
        assert context["dgi"] == {"groups": [{"type": "Generic", "items": items}], "bias": 1.5}
        segmentation = context["phraseDetection"]["conversation"]["segmentation"]
        assert segmentation == {"mode": "Custom", "segmentationSilenceTimeoutMs": 800}
        (used,) = (session for session in server.sessions if session.audio)
        assert (used.option("language"), used.option("x"), used.option("format")) == ("de-CH", "y", "detailed")


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", "en-US"),
        ("de", "de-DE"),
        ("EN-gb", "en-GB"),
        ("zh-Hans-CN", "zh-Hans-CN"),
        ("pt", "pt-BR"),
        ("it", "it-IT"),
    ],
)
def test_locales(language: str, expected: str) -> None:
    assert locale(language) == expected


async def test_a_language_that_azure_does_not_have() -> None:
    """Is found at start."""
    async with AzureServer() as server:
        engine = recogniser(server, language="english")
        with pytest.raises(VendorRefusedError, match="Unsupported language"):
            await engine.start()
        await engine.close()


def test_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_SPEECH_KEY", raising=False)
    monkeypatch.delenv("AZURE_SPEECH_REGION", raising=False)
    for make in (make_asr, make_tts):
        with pytest.raises(UserError, match="AZURE_SPEECH_KEY"):
            make({"region": "westeurope"}, EngineContext("asr", "mine"))
        with pytest.raises(UserError, match="AZURE_SPEECH_REGION"):
            make({"api_key": "key"}, EngineContext("asr", "mine"))


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("westeurope", "microsoft.com"),
        ("chinanorth3", "azure.cn"),
        ("usgovvirginia", "azure.us"),
    ],
)
def test_regions(region: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SPEECH_REGION", region)
    monkeypatch.setenv("AZURE_SPEECH_KEY", "s3cret")
    asr = make_asr({}, EngineContext("asr", "azure"))
    assert asr.target("de").url.startswith(f"wss://{region}.stt.speech.{host}{PATH}?language=de-DE&")
    tts = make_tts({"endpoint_id": "mine"}, EngineContext("tts", "azure"))
    assert tts.target().url == f"wss://{region}.voice.speech.{host}/cognitiveservices/websocket/v1?deploymentId=mine"
    assert asr.target("de") == asr.target("de")
    assert "s3cret" not in repr(asr.target("de"))


async def test_a_token(tmp_path: Path) -> None:
    """It is read anew for each connection, since it expires; a file that is missing is found at start."""
    file = tmp_path / "token"
    async with AzureServer(["yes"], api_key="first") as server:
        engine = make_asr(
            {"base_url": server.url, "token_file": file, "text": "lexical"}, EngineContext("asr", "azure")
        )
        with pytest.raises(VendorRefusedError, match="No such file"):
            await engine.start()
        file.write_text("first\n")
        await engine.start()
        server.api_key = "second"
        file.write_text("second\n")
        server.reset()
        assert (await recognise(engine, said("yes"))).text == "yes"
        await engine.close()


async def test_an_order_that_azure_refuses() -> None:
    """The configuration is the first message, and a turn's audio begins with a header."""
    headers = {"Ocp-Apim-Subscription-Key": "test-key", "X-ConnectionId": wire.new_id()}
    request_id = wire.new_id()
    config = wire.json_message("speech.config", request_id, {})
    wrong: list[tuple[list[str | bytes], int]] = [
        ([wire.json_message("speech.context", request_id, {})], 1002),
        ([config, wire.audio_message(request_id, bytes(320))], 1007),
        ([config, wire.json_message("speech.context", "no-id", {})], 1002),
        ([config, "no path"], 1002),
    ]
    async with AzureServer() as server:
        for messages, code in wrong:
            async with connect(server.url + PATH, additional_headers=headers) as socket:
                for message in messages:
                    await socket.send(message)
                with pytest.raises(ConnectionClosedError) as caught:
                    await socket.recv()
                assert caught.value.rcvd is not None
                assert caught.value.rcvd.code == code


@pytest.mark.parametrize("form", [Format("PCMU", 8_000), Format("PCMA", 8_000), Format("LINEAR16", 16_000)])
def test_headers(form: Format) -> None:
    audio = wire.wave_header(form)
    found = wire.read_wave_header(audio + b"audio")
    assert found is not None
    assert (found.encoding, found.rate_hz, found.channels, found.size) == (*form, 1, len(audio))
    assert wire.read_wave_header(audio[:-1]) is None


def test_messages() -> None:
    message = wire.parse(wire.audio_message("id", b"\x00\r\n\r\n", X_StreamId="3"))
    assert (message.path, message.request_id, message.audio) == ("audio", "id", b"\x00\r\n\r\n")
    assert message.headers["x-streamid"] == "3"
    for broken in ("", "Path", b"", b"\x00", b"\xff\xff", "path:x\r\n\r\n{"):
        assert wire.parse(broken).fields == {}
