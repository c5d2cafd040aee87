"""Google's own clients against our server: what they accept is Google's protocol."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from google.api_core.exceptions import Aborted, InvalidArgument, PermissionDenied, ResourceExhausted, Unauthenticated
from google.cloud import speech_v2, texttospeech_v1, texttospeech_v1beta1
from google.cloud.speech_v2.services.speech.transports import SpeechGrpcAsyncIOTransport
from google.cloud.texttospeech_v1.services.text_to_speech.transports import TextToSpeechGrpcAsyncIOTransport
from google.cloud.texttospeech_v1beta1.services.text_to_speech import transports as beta_transports
from google.oauth2 import service_account

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.google import PROJECT, GoogleServer
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, text_in
from tests.vendors.hosted import TEXT, said

RECOGNISER = f"projects/{PROJECT}/locations/global/recognizers/_"
SENTENCE = "The quick brown fox, and $12.50 for it."
VOICE = texttospeech_v1.VoiceSelectionParams(language_code="en-US", name="en-US-Chirp3-HD-Kore")


def channel(server: GoogleServer) -> Any:
    return grpc.aio.insecure_channel(f"127.0.0.1:{server.port}")


def key(server: GoogleServer) -> tuple[tuple[str, str], ...]:
    return (("x-goog-api-key", server.api_key),)


def config(**features: Any) -> speech_v2.StreamingRecognitionConfig:
    return speech_v2.StreamingRecognitionConfig(
        config=speech_v2.RecognitionConfig(
            explicit_decoding_config=speech_v2.ExplicitDecodingConfig(
                encoding=speech_v2.ExplicitDecodingConfig.AudioEncoding.MULAW,
                sample_rate_hertz=8_000,
                audio_channel_count=1,
            ),
            model="telephony",
            language_codes=["en-US"],
            features=speech_v2.RecognitionFeatures(enable_word_time_offsets=True, max_alternatives=2),
        ),
        streaming_features=speech_v2.StreamingRecognitionFeatures(interim_results=True, **features),
    )


async def requests(
    audio: bytes, piece: int = 800, **features: Any
) -> AsyncIterator[speech_v2.StreamingRecognizeRequest]:
    yield speech_v2.StreamingRecognizeRequest(recognizer=RECOGNISER, streaming_config=config(**features))
    for at in range(0, len(audio), piece):
        yield speech_v2.StreamingRecognizeRequest(audio=audio[at : at + piece])


async def recognise(server: GoogleServer, audio: bytes, metadata: Any = None, **options: Any) -> list[Any]:
    """All responses, by Google's client."""
    client = speech_v2.SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel(server)))
    metadata = key(server) if metadata is None else metadata
    try:
        stream = await client.streaming_recognize(requests=requests(audio, **options), metadata=metadata)
        return [response async for response in stream]
    finally:
        await client.transport.close()


async def test_recognition() -> None:
    async with GoogleServer([TEXT]) as server:
        responses = await recognise(server, said())
        results = [result for response in responses for result in response.results]
        final = results[-1]
        assert [result.is_final for result in results].index(True) == len(results) - 1 > 5
        assert [each.transcript for each in final.alternatives] == [TEXT, TEXT.upper()]
        assert [word.word for word in final.alternatives[0].words] == TEXT.split()
        assert final.result_end_offset.total_seconds() == pytest.approx(len(said()) / 8_000)
        partials = ["".join(each.alternatives[0].transcript for each in one.results) for one in responses[:-1]]
        assert all(TEXT.startswith(partial) for partial in partials)
        assert bytes(server.sessions[0].audio) == said()
        assert server.violations == []


async def test_voice_activity_and_segments() -> None:
    async with GoogleServer(["check my", "balance"]) as server:
        audio = said("check my") + PCMU.silence * 8_000 + said("balance") + PCMU.silence * 8_000
        responses = await recognise(server, audio, enable_voice_activity_events=True)
        kind = speech_v2.StreamingRecognizeResponse.SpeechEventType
        events = [each.speech_event_type for each in responses if each.speech_event_type]
        assert events == 2 * [kind.SPEECH_ACTIVITY_BEGIN, kind.SPEECH_ACTIVITY_END]
        finals = [result for each in responses for result in each.results if result.is_final]
        assert [each.alternatives[0].transcript for each in finals] == ["check my", "balance"]


async def test_what_is_refused() -> None:
    """A client that goes on sending would only be told that it cannot."""
    async with GoogleServer([TEXT], max_stream_s=2.0) as server:
        with pytest.raises(InvalidArgument, match="API key not valid"):
            await recognise(server, b"", (("x-goog-api-key", "wrong"),))
        with pytest.raises(Unauthenticated):
            await recognise(server, b"", (("authorization", "Bearer wrong"),))
        with pytest.raises(PermissionDenied):
            await recognise(server, b"", ())
        with pytest.raises(InvalidArgument, match="25600"):
            await recognise(server, said() * 2, piece=30_000)
        with pytest.raises(Aborted, match="Max duration of 5 minutes"):
            await recognise(server, said(), piece=20_000)
        server.fault = "busy"
        with pytest.raises(ResourceExhausted):
            await recognise(server, b"")


async def test_a_caller_who_sends_nothing() -> None:
    async with GoogleServer([TEXT], fault="idle-close", idle_s=0.1) as server:

        async def silent() -> AsyncIterator[speech_v2.StreamingRecognizeRequest]:
            yield speech_v2.StreamingRecognizeRequest(recognizer=RECOGNISER, streaming_config=config())
            await asyncio.sleep(60)

        client = speech_v2.SpeechAsyncClient(transport=SpeechGrpcAsyncIOTransport(channel=channel(server)))
        stream = await client.streaming_recognize(requests=silent(), metadata=key(server))
        with pytest.raises(Aborted, match="no more client requests"):
            [response async for response in stream]
        await client.transport.close()


async def test_a_token() -> None:
    async with GoogleServer([TEXT]) as server:
        responses = await recognise(server, said(), (("authorization", f"Bearer {server.access_token}"),))
        assert responses[-1].results[-1].alternatives[0].transcript == TEXT


@pytest.mark.parametrize("name", ["MULAW", "ALAW", "PCM"])
async def test_a_voice_that_streams(name: str) -> None:
    encoding = texttospeech_v1.AudioEncoding[name]
    audio_config = texttospeech_v1.StreamingAudioConfig(audio_encoding=encoding, sample_rate_hertz=8_000)

    async def texts() -> AsyncIterator[texttospeech_v1.StreamingSynthesizeRequest]:
        config = texttospeech_v1.StreamingSynthesizeConfig(voice=VOICE, streaming_audio_config=audio_config)
        yield texttospeech_v1.StreamingSynthesizeRequest(streaming_config=config)
        for part in ("The quick brown ", "fox, and $12.50 ", "for it."):
            yield texttospeech_v1.StreamingSynthesizeRequest(input={"text": part})

    async with GoogleServer() as server:
        client = texttospeech_v1.TextToSpeechAsyncClient(
            transport=TextToSpeechGrpcAsyncIOTransport(channel=channel(server))
        )
        stream = await client.streaming_synthesize(requests=texts(), metadata=key(server))
        audio = b"".join([response.audio_content async for response in stream])
        await client.transport.close()
        decode = {"MULAW": PCMU.decode, "ALAW": PCMA.decode}.get(name, bytes)
        assert text_in(decode(audio), 8_000) == SENTENCE
        assert server.violations == []


async def test_voices() -> None:
    async with GoogleServer() as server:
        client = texttospeech_v1.TextToSpeechAsyncClient(
            transport=TextToSpeechGrpcAsyncIOTransport(channel=channel(server))
        )
        listed = await client.list_voices(language_code="de-DE", metadata=key(server))
        await client.transport.close()
        assert "de-DE-Chirp3-HD-Kore" in [voice.name for voice in listed.voices]
        assert {tuple(voice.language_codes) for voice in listed.voices} == {("de-DE",)}


async def test_a_voice_that_tells_where_its_words_are() -> None:
    async with GoogleServer() as server:
        client = texttospeech_v1beta1.TextToSpeechAsyncClient(
            transport=beta_transports.TextToSpeechGrpcAsyncIOTransport(channel=channel(server))
        )
        request = texttospeech_v1beta1.SynthesizeSpeechRequest(
            input={"ssml": '<speak><mark name="a"/>Good <mark name="b"/>day.</speak>'},
            voice={"language_code": "en-US", "name": "en-US-Wavenet-A"},
            audio_config={"audio_encoding": "LINEAR16", "sample_rate_hertz": 8_000},
            enable_time_pointing=[texttospeech_v1beta1.SynthesizeSpeechRequest.TimepointType.SSML_MARK],
        )
        response = await client.synthesize_speech(request, metadata=key(server))
        await client.transport.close()
        assert text_in(response.audio_content[44:], 8_000) == "Good day."
        marks = {each.mark_name: each.time_seconds for each in response.timepoints}
        assert marks == {"a": 0.0, "b": pytest.approx(5 * MS_PER_CHARACTER / 1000)}


def test_the_file_of_a_service_account(tmp_path: Path) -> None:
    """Google's library reads it."""
    path = GoogleServer().service_account(tmp_path / "key.json")
    assert service_account.Credentials.from_service_account_file(str(path)).project_id == PROJECT
