"""The vendors' own clients against our servers: what they accept is the vendors' protocol."""

import asyncio
import wave
from base64 import b64decode, b64encode
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from websockets.asyncio.client import connect

from offhook.telephony.codec import PCMU
from offhook.testing.vendors.assemblyai import AssemblyAiServer
from offhook.testing.vendors.cartesia import CartesiaServer
from offhook.testing.vendors.elevenlabs import ElevenLabsServer
from offhook.testing.vendors.openai import SPEECH_HZ, OpenAiServer
from offhook.testing.vendors.tone_speech import text_in
from tests.vendors.hosted import TEXT, said, until

pytestmark = [
    # Of the clients themselves.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
]
AUDIO = said()[: len(said()) // 800 * 800]
SENTENCE = "The quick brown fox, and $12.50 for it."


async def test_elevenlabs_scribe() -> None:
    elevenlabs = pytest.importorskip("elevenlabs.realtime")
    async with ElevenLabsServer([TEXT]) as server:
        events: dict[str, list[Any]] = {}
        scribe = elevenlabs.ScribeRealtime(api_key=server.api_key, base_url=server.url)
        options = {"model_id": "scribe_v2_realtime", "audio_format": elevenlabs.AudioFormat.ULAW_8000}
        connection = await scribe.connect({**options, "sample_rate": 8_000, "include_timestamps": True})
        for event in elevenlabs.RealtimeEvents:
            connection.on(event, lambda *data, name=event.value: events.setdefault(name, []).append(data[:1]))
        for at in range(0, len(AUDIO), 800):
            await connection.send({"audio_base_64": b64encode(AUDIO[at : at + 800]).decode()})
        await connection.commit()
        await until(lambda: "committed_transcript_with_timestamps" in events)
        await connection.close()
        assert "error" not in events
        assert len(events["partial_transcript"]) > 5
        (final,) = events["committed_transcript_with_timestamps"][0]
        assert final["text"] == TEXT
        assert "".join(word["text"] for word in final["words"]) == TEXT
        assert bytes(server.sessions[0].audio) == AUDIO


async def test_elevenlabs_scribe_with_a_wrong_key() -> None:
    elevenlabs = pytest.importorskip("elevenlabs.realtime")
    async with ElevenLabsServer() as server:
        errors: list[Any] = []
        scribe = elevenlabs.ScribeRealtime(api_key="wrong", base_url=server.url)
        options = {"model_id": "scribe_v2_realtime", "audio_format": elevenlabs.AudioFormat.ULAW_8000}
        connection = await scribe.connect({**options, "sample_rate": 8_000})
        connection.on(elevenlabs.RealtimeEvents.AUTH_ERROR, errors.append)
        await until(lambda: bool(errors))
        await connection.close()


async def test_elevenlabs_voice() -> None:
    """Its client speaks with one context only, and insists on TLS: its address is set."""
    elevenlabs = pytest.importorskip("elevenlabs")
    async with ElevenLabsServer() as server:

        def texts() -> Iterator[str]:
            yield from ("The quick brown ", "fox, and $12.50 ", "for it.")

        def speak() -> bytes:
            client = elevenlabs.ElevenLabs(api_key=server.api_key, base_url=server.url)
            client.text_to_speech._ws_base_url = server.url
            chunks = client.text_to_speech.convert_realtime(
                "voice", text=texts(), model_id="eleven_flash_v2_5", output_format="ulaw_8000"
            )
            return b"".join(chunks)

        audio = await asyncio.to_thread(speak)
        assert text_in(PCMU.decode(audio), 8_000) == SENTENCE
        assert server.violations == []


async def test_elevenlabs_contexts() -> None:
    """There is no client for several contexts, but there are its types: each message must be one of them."""
    types = pytest.importorskip("elevenlabs.types")
    async with ElevenLabsServer() as server:
        path = "/v1/text-to-speech/voice/multi-stream-input?model_id=eleven_flash_v2_5&output_format=ulaw_8000"
        async with connect(server.url + path, additional_headers={"xi-api-key": server.api_key}) as socket:
            opening = types.InitializeConnectionMulti(text=" ", context_id="a")
            text = types.SendTextMulti(text=f"{SENTENCE} ", context_id="a", flush=True)
            for message in (opening, text, types.CloseContext(context_id="a", close_context=True)):
                await socket.send(message.model_dump_json(exclude_none=True))
            audio, said_text = b"", ""
            while True:
                data = await socket.recv()
                message = types.WebsocketTtsServerMessageMulti.model_validate_json(data)
                assert message.context_id == "a"
                if types.FinalOutputMulti.model_validate_json(data).is_final and message.audio is None:
                    break
                chunk = types.AudioOutputMulti.model_validate_json(data)
                audio += b64decode(chunk.audio)
                said_text += "".join(chunk.alignment.chars)
        assert text_in(PCMU.decode(audio), 8_000) == SENTENCE
        assert said_text.strip() == SENTENCE


async def test_cartesia_ink() -> None:
    cartesia = pytest.importorskip("cartesia")
    async with CartesiaServer([TEXT]) as server:
        client = cartesia.AsyncCartesia(api_key=server.api_key, websocket_base_url=server.url)
        manager = client.stt.manual_finalize.websocket(model="ink-2", encoding="pcm_mulaw", sample_rate=8_000)
        text = ""
        async with manager as connection:
            for at in range(0, len(AUDIO), 800):
                await connection.send_raw(AUDIO[at : at + 800])
            await connection.send("finalize")
            async for event in connection:
                if event.type == "transcript":
                    text += event.text if event.is_final else ""
                else:
                    assert event.type == "flush_done"
                    break
            await connection.send("close")
            assert [event.type async for event in connection][-1] == "done"
        await client.close()
        assert text == TEXT
        assert bytes(server.sessions[0].audio) == AUDIO


async def test_cartesia_turns() -> None:
    cartesia = pytest.importorskip("cartesia")
    async with CartesiaServer([TEXT, "yes please"]) as server:
        client = cartesia.AsyncCartesia(api_key=server.api_key, websocket_base_url=server.url)
        manager = client.stt.auto_finalize.websocket(model="ink-2", encoding="pcm_mulaw", sample_rate=8_000)
        events = []
        async with manager as connection:
            for audio in (AUDIO, PCMU.silence * 8_000, said("yes please"), PCMU.silence * 8_000):
                for at in range(0, len(audio), 800):
                    await connection.send_raw(audio[at : at + 800])
            async for event in connection:
                events.append(event)
                if event.type == "turn.end" and event.transcript == "yes please":
                    break
        await client.close()
        kinds = [event.type for event in events if event.type != "turn.update"]
        assert kinds == ["connected", *2 * ["turn.start", "turn.eager_end", "turn.end"]]
        assert [event.transcript for event in events if event.type == "turn.end"] == [TEXT, "yes please"]


async def test_cartesia_sonic() -> None:
    cartesia = pytest.importorskip("cartesia")
    async with CartesiaServer() as server:
        client = cartesia.AsyncCartesia(api_key=server.api_key, websocket_base_url=server.url)
        audio, words = b"", []
        async with client.tts.websocket_connect() as connection:
            context = connection.context(
                model_id="sonic-3",
                voice={"mode": "id", "id": "voice"},
                output_format={"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8_000},
                add_timestamps=True,
            )
            for part in ("The quick brown ", "fox, and $12.50 ", "for it."):
                await context.push(part)
            await context.no_more_inputs()
            async for response in context.receive():
                if response.type == "chunk":
                    audio += response.audio
                elif response.type == "timestamps":
                    words += response.word_timestamps.words
        await client.close()
        assert text_in(PCMU.decode(audio), 8_000) == SENTENCE
        assert words == SENTENCE.split()


async def test_assemblyai() -> None:
    v3 = pytest.importorskip("assemblyai.streaming.v3")
    async with AssemblyAiServer([TEXT]) as server:
        events: dict[Any, list[Any]] = {each: [] for each in v3.RealTimeEvents}
        client = v3.AsyncRealTimeTranscriber(v3.RealTimeTranscriberOptions(api_host=server.url, api_key=server.api_key))
        for each in v3.RealTimeEvents:
            client.on(each, lambda _client, event, name=each: events[name].append(event))
        parameters = {"sample_rate": 8_000, "encoding": v3.Encoding.pcm_mulaw, "format_turns": True}
        await client.connect(v3.RealTimeParameters(**parameters))
        for at in range(0, len(AUDIO), 800):
            await client.stream(AUDIO[at : at + 800])
        await client.force_endpoint()
        await until(lambda: any(turn.turn_is_formatted for turn in events[v3.RealTimeEvents.Turn]))
        await client.disconnect(terminate=True)
        turns = events[v3.RealTimeEvents.Turn]
        assert events[v3.RealTimeEvents.Error] == []
        assert len(events[v3.RealTimeEvents.Begin]) == len(events[v3.RealTimeEvents.Termination]) == 1
        assert len(events[v3.RealTimeEvents.SpeechStarted]) == 1
        assert [turn.transcript for turn in turns if turn.end_of_turn] == [TEXT, f"I{TEXT[1:]}."]
        assert [word.text for word in turns[-1].words] == TEXT.split()


async def test_assemblyai_with_a_wrong_key() -> None:
    v3 = pytest.importorskip("assemblyai.streaming.v3")
    async with AssemblyAiServer() as server:
        errors: list[Any] = []
        client = v3.AsyncRealTimeTranscriber(v3.RealTimeTranscriberOptions(api_host=server.url, api_key="wrong"))
        client.on(v3.RealTimeEvents.Error, lambda _client, error: errors.append(error))
        await client.connect(v3.RealTimeParameters(sample_rate=8_000))
        assert [error.code for error in errors] == [401]


async def test_openai_realtime() -> None:
    openai = pytest.importorskip("openai")
    async with OpenAiServer([TEXT]) as server:
        client = openai.AsyncOpenAI(
            api_key=server.api_key, base_url=server.http_url, websocket_base_url=f"{server.url}/v1"
        )
        deltas = ""
        async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
            taken = {"format": {"type": "audio/pcmu"}, "transcription": {"model": "gpt-realtime-whisper"}}
            session = {"type": "transcription", "audio": {"input": {**taken, "turn_detection": None}}}
            await connection.session.update(session=session)
            for at in range(0, len(AUDIO), 800):
                await connection.input_audio_buffer.append(audio=b64encode(AUDIO[at : at + 800]).decode())
            await connection.input_audio_buffer.commit()
            kinds = []
            async for event in connection:
                kinds.append(event.type)
                if event.type == "conversation.item.input_audio_transcription.delta":
                    deltas += event.delta
                elif event.type == "conversation.item.input_audio_transcription.completed":
                    assert event.transcript == TEXT
                    break
        await client.close()
        assert kinds[:2] == ["session.created", "session.updated"]
        assert "error" not in kinds
        assert deltas == TEXT


async def test_openai_by_http() -> None:
    openai = pytest.importorskip("openai")
    async with OpenAiServer([TEXT]) as server:
        client = openai.AsyncOpenAI(api_key=server.api_key, base_url=server.http_url)
        speech = client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="alloy", input=SENTENCE, response_format="pcm"
        )
        async with speech as response:
            audio = b"".join([chunk async for chunk in response.iter_bytes()])
        assert text_in(audio, SPEECH_HZ) == SENTENCE

        file = BytesIO()
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(8_000)
            wav.writeframes(PCMU.decode(AUDIO))
        found = await client.audio.transcriptions.create(
            model="gpt-4o-mini-transcribe", file=("turn.wav", file.getvalue())
        )
        await client.close()
        assert found.text == TEXT

        wrong = openai.AsyncOpenAI(api_key="wrong", base_url=server.http_url, max_retries=0)
        with pytest.raises(openai.AuthenticationError):
            await wrong.audio.transcriptions.create(model="whisper-1", file=("turn.wav", file.getvalue()))
        await wrong.close()
