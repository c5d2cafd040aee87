"""The referee: Azure's own client works against our server, so what that accepts and sends is the protocol."""

import asyncio
import json
import threading
from typing import Any

import pytest

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.azure import AzureServer
from offhook.testing.vendors.tone_speech import text_in
from tests.vendors.hosted import TEXT, said, until

sdk: Any = pytest.importorskip("azure.cognitiveservices.speech")

SENTENCE = "The quick brown fox, and $12.50 for it."
VOICE = "en-US-JennyNeural"
DEADLINE_S = 20


def config_of(server: AzureServer, api_key: str | None = None) -> Any:
    config = sdk.SpeechConfig(subscription=api_key or server.api_key, host=server.url)
    config.speech_recognition_language = "en-US"
    config.speech_synthesis_voice_name = VOICE
    return config


def recognise(config: Any, audio: bytes, law: str, phrases: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    """What the client reports about some audio, by event."""
    laws = {"PCMU": sdk.AudioStreamWaveFormat.MULAW, "PCMA": sdk.AudioStreamWaveFormat.ALAW}
    form = sdk.audio.AudioStreamFormat(8_000, 8, 1, wave_stream_format=laws[law])
    stream = sdk.audio.PushAudioInputStream(form)
    recogniser = sdk.SpeechRecognizer(config, audio_config=sdk.audio.AudioConfig(stream=stream))
    if phrases:
        grammar = sdk.PhraseListGrammar.from_recognizer(recogniser)
        for phrase in phrases:
            grammar.addPhrase(phrase)
    names = ("session_started", "speech_start_detected", "recognizing", "recognized", "canceled", "session_stopped")
    events: dict[str, list[Any]] = {name: [] for name in names}
    over = threading.Event()
    for name in names:
        getattr(recogniser, name).connect(events[name].append)
    recogniser.session_stopped.connect(lambda _event: over.set())
    recogniser.canceled.connect(lambda _event: over.set())
    recogniser.start_continuous_recognition_async().get()
    stream.write(audio)
    stream.close()
    assert over.wait(DEADLINE_S)
    recogniser.stop_continuous_recognition_async().get()
    return events


@pytest.mark.parametrize("law", ["PCMU", "PCMA"])
async def test_recognition(law: str) -> None:
    audio = said() if law == "PCMU" else PCMA.encode(PCMU.decode(said()))
    async with AzureServer([TEXT]) as server:
        config = config_of(server)
        config.output_format = sdk.OutputFormat.Detailed
        config.request_word_level_timestamps()
        events = await asyncio.to_thread(recognise, config, audio, law, ("balance", "IBAN"))
        assert [event.result.text for event in events["recognized"]] == [f"I{TEXT[1:]}."]
        assert len(events["recognizing"]) > 5
        (result,) = (event.result for event in events["recognized"])
        best = json.loads(result.json)["NBest"][0]
        assert best["Confidence"] == pytest.approx(0.97)
        assert [word["Word"] for word in best["Words"]] == TEXT.split()
        assert [event.cancellation_details.reason for event in events["canceled"]] == [
            sdk.CancellationReason.EndOfStream
        ]
        session = next(session for session in server.sessions if session.audio)
        assert bytes(session.audio).startswith(audio)
        context = next(message for message in session.messages if message["path"] == "speech.context")
        phrases = [item["Text"] for group in context["dgi"]["Groups"] for item in group["Items"]]
        assert phrases == ["balance", "IBAN"]


async def test_phrases_follow_each_other() -> None:
    audio = said("check my") + PCMU.silence * 8_000 + said("balance please") + PCMU.silence * 8_000
    async with AzureServer(["check my", "balance please"]) as server:
        events = await asyncio.to_thread(recognise, config_of(server), audio, "PCMU")
        texts = [event.result.text for event in events["recognized"] if event.result.text]
        assert texts == ["Check my.", "Balance please."]
        offsets = [event.result.offset / 10_000_000 for event in events["recognized"] if event.result.text]
        assert offsets == pytest.approx([0.0, len(said("check my")) / 8_000 + 1.0], abs=0.15)


async def test_a_wrong_key() -> None:
    async with AzureServer([TEXT]) as server:
        events = await asyncio.to_thread(recognise, config_of(server, "wrong"), said(), "PCMU")
        (canceled,) = events["canceled"]
        assert canceled.cancellation_details.code == sdk.CancellationErrorCode.AuthenticationFailure


def speak(config: Any, text: str) -> tuple[Any, list[Any], Any]:
    """The result, and the words; a thread of the client reports these, after the result too, while it is kept."""
    words: list[Any] = []
    synthesizer = sdk.SpeechSynthesizer(config, audio_config=None)
    synthesizer.synthesis_word_boundary.connect(words.append)
    return synthesizer.speak_text_async(text).get(), words, synthesizer


async def test_synthesis() -> None:
    async with AzureServer() as server:
        config = config_of(server)
        config.set_speech_synthesis_output_format(sdk.SpeechSynthesisOutputFormat.Raw8Khz8BitMonoMULaw)
        result, boundaries, _synthesizer = await asyncio.to_thread(speak, config, SENTENCE)
        assert result.reason == sdk.ResultReason.SynthesizingAudioCompleted
        assert text_in(PCMU.decode(result.audio_data), 8_000) == SENTENCE
        kind = sdk.SpeechSynthesisBoundaryType.Word
        expected = ["The", "quick", "brown", "fox", "and", "$12.50", "for", "it"]

        def words() -> list[str]:
            return [each.text for each in boundaries if each.boundary_type == kind]

        await until(lambda: len(words()) >= len(expected))
        assert words() == expected
        assert server.violations == []


async def test_text_streaming() -> None:
    def stream(config: Any) -> Any:
        synthesizer = sdk.SpeechSynthesizer(config, audio_config=None)
        request = sdk.SpeechSynthesisRequest(input_type=sdk.SpeechSynthesisRequestInputType.TextStream)
        speaking = synthesizer.speak_async(request)
        for piece in ("The quick brown ", "fox, and $12.50 ", "for it."):
            request.input_stream.write(piece)
        request.input_stream.close()
        return speaking.get()

    async with AzureServer() as server:
        config = sdk.SpeechConfig(subscription=server.api_key, endpoint=f"{server.url}/cognitiveservices/websocket/v2")
        config.speech_synthesis_voice_name = VOICE
        config.set_speech_synthesis_output_format(sdk.SpeechSynthesisOutputFormat.Raw8Khz8BitMonoMULaw)
        result = await asyncio.to_thread(stream, config)
        assert text_in(PCMU.decode(result.audio_data), 8_000) == SENTENCE


async def test_a_voice_that_azure_does_not_have() -> None:
    async with AzureServer() as server:
        config = config_of(server)
        config.speech_synthesis_voice_name = "en-US-NobodyNeural"
        result, *_ = await asyncio.to_thread(speak, config, SENTENCE)
        assert result.reason == sdk.ResultReason.Canceled
        assert "Unsupported voice" in result.cancellation_details.error_details
