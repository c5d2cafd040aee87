"""The referees: Amazon's own clients work against our server, so what they accept and send is the protocol.

Polly's is boto3. Transcribe's speaks HTTP/2 only, where our engine uses the WebSocket: what differs is how a stream is
opened and that its messages are signed. The messages, the results and the errors are the same, and the same code of the
server takes and gives them.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from offhook.telephony.codec import PCMA, PCMU
from offhook.testing.vendors.amazon import AmazonServer
from offhook.testing.vendors.amazon_transcribe import TranscribeStream, wrong_options
from offhook.testing.vendors.server import SessionLog
from offhook.testing.vendors.sigv4 import SignatureError, check
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, text_in
from offhook.vendors import event_stream
from tests.vendors import http2
from tests.vendors.amazon import loud

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the clients themselves
SENTENCE = "The quick brown fox, and $12.50 for it."
TEXT = "check my balance"


def polly(server: AmazonServer, secret: str | None = None) -> Any:
    return boto3.client(
        "polly",
        region_name="us-east-1",
        endpoint_url=server.http_url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=secret or server.api_key,
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.mark.parametrize(
    ("form", "rate", "decode", "kind"),
    [
        ("mulaw", "8000", PCMU.decode, "audio/mulaw"),
        ("alaw", "8000", PCMA.decode, "audio/alaw"),
        ("pcm", "8000", bytes, "audio/pcm"),
        ("pcm", "16000", bytes, "audio/pcm"),
    ],
)
async def test_polly_speaks(form: str, rate: str, decode: Any, kind: str) -> None:
    def speak() -> tuple[bytes, Any]:
        request = {"Text": SENTENCE, "VoiceId": "Joanna", "Engine": "neural", "OutputFormat": form, "SampleRate": rate}
        answer = polly(server).synthesize_speech(**request)
        return answer["AudioStream"].read(), answer

    async with AmazonServer() as server:
        audio, answer = await asyncio.to_thread(speak)
        assert text_in(decode(audio), int(rate)) == SENTENCE
        assert (answer["ContentType"], answer["RequestCharacters"]) == (kind, len(SENTENCE))


async def test_pollys_speech_marks() -> None:
    def ask() -> list[dict[str, Any]]:
        request = {"Text": "Für mich, bitte.", "VoiceId": "Vicki", "OutputFormat": "json", "SpeechMarkTypes": ["word"]}
        answer = polly(server).synthesize_speech(Engine="neural", **request)
        return [json.loads(line) for line in answer["AudioStream"].read().splitlines()]

    async with AmazonServer() as server:
        marks = await asyncio.to_thread(ask)
        assert [mark["value"] for mark in marks] == ["Für", "mich", "bitte"]
        assert [(mark["start"], mark["end"]) for mark in marks] == [(0, 4), (5, 9), (11, 16)]
        assert marks[1]["time"] == 4 * MS_PER_CHARACTER


@pytest.mark.parametrize(
    ("secret", "options", "code"),
    [
        ("wrong", {}, "InvalidSignatureException"),
        (None, {"OutputFormat": "pcm", "SampleRate": "44100"}, "InvalidSampleRateException"),
        (None, {"OutputFormat": "json"}, "MarksNotSupportedForFormatException"),
        (None, {"Text": "x" * 3_001}, "TextLengthExceededException"),
    ],
)
async def test_pollys_errors(secret: str | None, options: dict[str, str], code: str) -> None:
    request = {"Text": "x", "VoiceId": "Joanna", "OutputFormat": "pcm", **options}
    async with AmazonServer() as server:
        with pytest.raises(ClientError) as raised:
            await asyncio.to_thread(lambda: polly(server, secret).synthesize_speech(**request))
        assert raised.value.response["Error"]["Code"] == code


async def test_polly_is_busy() -> None:
    async with AmazonServer(fault="busy") as server:
        with pytest.raises(ClientError, match="Rate exceeded"):
            await asyncio.to_thread(
                lambda: polly(server).synthesize_speech(Text="x", VoiceId="Joanna", OutputFormat="pcm")
            )


@asynccontextmanager
async def transcribe(server: AmazonServer, secret: str | None = None) -> AsyncIterator[tuple[Any, SessionLog]]:
    """Amazon's client on our server's streams, and what the stream receives."""
    client = pytest.importorskip("amazon_transcribe.client")
    auth = pytest.importorskip("amazon_transcribe.auth")
    endpoints = pytest.importorskip("amazon_transcribe.endpoints")
    crt = pytest.importorskip("awscrt.io")
    log = SessionLog("/stream-transcription", {})

    async def handle(request: http2.Stream) -> None:
        headers = {**request.headers, "host": request.headers.get("host", request.headers.get(":authority", ""))}
        prefix = "x-amzn-transcribe-"
        options = {name.removeprefix(prefix): value for name, value in headers.items() if name.startswith(prefix)}
        options = {name: value.lower() if value in ("True", "False") else value for name, value in options.items()}
        try:
            signed = check("POST", headers[":path"], headers, b"", server.keys, "transcribe", datetime.now(UTC))
        except SignatureError as error:
            body = json.dumps({"Message": str(error)}).encode()
            request.respond(403, {"x-amzn-errortype": error.code}, body)
            return
        if wrong := wrong_options(options):
            body = json.dumps({"Message": wrong}).encode()
            request.respond(400, {"x-amzn-errortype": "BadRequestException"}, body)
            return
        request.respond(200, {"content-type": "application/vnd.amazon.eventstream", "x-amzn-request-id": "1"})
        stream = TranscribeStream(server, options, log, request.send, signed)
        received = bytearray()
        goes_on = True
        while goes_on and (chunk := await request.chunks.get()) is not None:
            received += chunk
            while goes_on and (length := event_stream.length_of(received)) is not None and length <= len(received):
                goes_on = await stream.take(bytes(received[:length]))
                del received[:length]
        request.end()

    tls = crt.TlsContextOptions()
    tls.verify_peer = False
    async with http2.serve(handle) as port:
        made = client.TranscribeStreamingClient(
            region="us-east-1",
            endpoint_resolver=endpoints.StaticEndpointResolver(f"https://127.0.0.1:{port}"),
            credential_resolver=auth.StaticCredentialResolver(server.access_key_id, secret or server.api_key),
        )
        made._session_manager._tls_ctx = crt.ClientTlsContext(tls)
        yield made, log


async def test_transcribe() -> None:
    async with AmazonServer(["check my", "balance please"]) as server, transcribe(server) as (client, log):
        stream = await client.start_stream_transcription(
            language_code="en-US",
            media_sample_rate_hz=8_000,
            media_encoding="pcm",
            enable_partial_results_stabilization=True,
            partial_results_stability="high",
        )
        audio = loud("check my", 1.5) + loud("balance please")
        for at in range(0, len(audio), 1_600):
            await stream.input_stream.send_audio_event(audio_chunk=audio[at : at + 1_600])
        await stream.input_stream.send_audio_event(audio_chunk=b"")
        await stream.input_stream.end_stream()
        results = [result async for event in stream.output_stream for result in event.transcript.results]
        finals = [result for result in results if not result.is_partial]
        assert [result.alternatives[0].transcript for result in finals] == ["check my", "balance please"]
        assert [result.result_id for result in finals] == ["result-0", "result-1"]
        assert next(result.alternatives[0].transcript for result in results if result.is_partial) == "check"
        items = [item for result in finals for item in result.alternatives[0].items]
        assert [item.content for item in items] == ["check", "my", "balance", "please"]
        assert all(item.item_type == "pronunciation" and item.stable and item.confidence == 0.97 for item in items)
        assert all(earlier.end_time <= later.start_time + 0.001 for earlier, later in pairwise(items))
        assert bytes(log.audio) == audio
        assert server.violations == []


async def test_transcribe_with_a_wrong_secret() -> None:
    exceptions = pytest.importorskip("amazon_transcribe.exceptions")
    async with AmazonServer() as server, transcribe(server, "wrong") as (client, _):
        with pytest.raises(exceptions.UnknownServiceException, match="InvalidSignatureException"):
            await client.start_stream_transcription(
                language_code="en-US", media_sample_rate_hz=8_000, media_encoding="pcm"
            )


async def test_transcribe_with_wrong_options() -> None:
    exceptions = pytest.importorskip("amazon_transcribe.exceptions")
    async with AmazonServer() as server, transcribe(server) as (client, _):
        with pytest.raises(exceptions.BadRequestException, match="mediaSampleRateHertz"):
            await client.start_stream_transcription(
                language_code="en-US", media_sample_rate_hz=4_000, media_encoding="pcm"
            )


async def test_transcribes_exceptions() -> None:
    exceptions = pytest.importorskip("amazon_transcribe.exceptions")
    async with AmazonServer() as server, transcribe(server) as (client, _):
        stream = await client.start_stream_transcription(
            language_code="en-US", media_sample_rate_hz=8_000, media_encoding="pcm"
        )
        await stream.input_stream.send_audio_event(audio_chunk=b"\0")
        with pytest.raises(exceptions.BadRequestException, match="half a sample"):
            async for _ in stream.output_stream:
                pass
        await stream.input_stream.end_stream()


def signed_url(url: str, secret: str = "secret", expires_s: int = 60) -> str:
    request = AWSRequest("GET", url)
    credentials = Credentials("id", secret, "a session's token/+=")
    SigV4QueryAuth(credentials, "transcribe", "us-east-1", expires=expires_s).add_auth(request)
    return str(request.url)


URL = "wss://transcribestreaming.us-east-1.amazonaws.com:8443/stream-transcription-websocket?vocabulary-name=a%20b%2Fc"
HEADERS = {"host": "transcribestreaming.us-east-1.amazonaws.com:8443"}


def judge(url: str, service: str = "transcribe") -> None:
    check("GET", url.partition(":8443")[2], HEADERS, b"", {"id": "secret"}, service, datetime.now(UTC))


def test_addresses_signed_by_botocore() -> None:
    judge(signed_url(URL))


@pytest.mark.parametrize(
    ("replaced", "by", "why"),
    [
        ("a%20b", "a%20c", "does not match"),
        ("us-east-1%2F", "us-east-2%2F", "does not match"),
        ("Credential=id", "Credential=me", "security token"),
        ("SignedHeaders=host", "SignedHeaders=date", "must be a 'SignedHeader'"),
        ("Expires=60", "Expires=x", "is wrong"),
    ],
)
def test_addresses_that_were_changed(replaced: str, by: str, why: str) -> None:
    url = signed_url(URL)
    assert replaced in url
    with pytest.raises(SignatureError, match=why):
        judge(url.replace(replaced, by))


def test_addresses_that_are_wrong() -> None:
    for url, why in (
        (URL, "Missing Authentication Token"),
        (signed_url(URL, "other"), "does not match"),
        (signed_url(URL, expires_s=301), "at most 300"),
    ):
        with pytest.raises(SignatureError, match=why):
            judge(url)


def test_an_address_for_another_service() -> None:
    with pytest.raises(SignatureError, match="correct service"):
        judge(signed_url(URL), "polly")
