"""TwiML applications on the wire: a server that knows Twilio, `offhook serve`, and a phone."""

import asyncio
import base64
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import pytest
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse
from websockets.asyncio.server import ServerConnection, serve

from offhook.sip.net.address import Address
from offhook.telephony.codec import PCMU
from offhook.telephony.tones import tones
from offhook.testing.carrier import Carrier
from offhook.testing.sip_caller import Caller, CallFailedError
from offhook.testing.wav_file import wav
from tests.e2e.conftest import BotProcess
from tests.e2e.test_flow_sound import BEEP_HZ, LIGHT, Ear, speech
from tests.ports import own_port

TOKEN = "a token of the tests"
WELCOME_HZ, THANKS_HZ = 440.0, 1_300.0
WITHIN_S = 60.0


class Ivr(ThreadingHTTPServer):
    """An application: `documents` by path, two sounds, and what it was asked, each with its valid signature or not."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.documents: dict[str, VoiceResponse | str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.unsigned: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def parameters(self, path: str) -> dict[str, str]:
        """Of the request for that path, of which there must be one."""
        (found,) = (given for asked, given in self.asked if asked == path)
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Ivr

    def do_GET(self) -> None:
        frequency_hz = WELCOME_HZ if "welcome" in self.path else THANKS_HZ
        self._answer("audio/wav", wav(tones((frequency_hz,), 1_500)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = dict(parse_qsl(body, keep_blank_values=True))
        signature = self.headers.get("X-Twilio-Signature", "")
        if not RequestValidator(TOKEN).validate(f"{self.server.address}{self.path}", given, signature):
            self.server.unsigned.append(self.path)
        path = urlsplit(self.path).path
        self.server.asked.append((path, given))
        self._answer("text/xml", str(self.server.documents.get(path, VoiceResponse())).encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _answer(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def ivr() -> Iterator[Ivr]:
    server = Ivr()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def stream_port() -> int:
    """Of the application's WebSocket."""
    return own_port()


@pytest.fixture
def bot(ivr: Ivr, stream_port: int, start_bot: Callable[..., BotProcess]) -> BotProcess:
    settings = {"OFFHOOK_TWIML__ALLOW_PRIVATE": "true", "OFFHOOK_TWIML__AUTH_TOKEN": TOKEN}
    settings |= {"OFFHOOK_TWIML__STATUS_URL": f"{ivr.address}/status"}
    settings["OFFHOOK_TWIML__HOSTS"] = json.dumps([f"127.0.0.1:{stream_port}"])
    return start_bot("--twiml", f"{ivr.address}/voice?line=1", **LIGHT, **settings)


def document(*verbs: Callable[[VoiceResponse], object]) -> VoiceResponse:
    response = VoiceResponse()
    for verb in verbs:
        verb(response)
    return response


def menu(response: VoiceResponse) -> None:
    gather = response.gather(action="/chosen", num_digits=1, timeout=20)
    gather.play("/welcome.wav")


async def leaves_a_message(bot: BotProcess) -> None:
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    ear = Ear(caller)
    try:
        async with asyncio.timeout(WITHIN_S):
            await ear.heard(WELCOME_HZ)
            caller.press("7")
            await ear.heard(BEEP_HZ)
            await ear.silent()
            await caller.say(speech())
            caller.press("#")
            await ear.heard(THANKS_HZ)
            await caller.over.wait()
    finally:
        caller.close()


def test_a_menu_a_message_and_the_end(ivr: Ivr, bot: BotProcess) -> None:
    ivr.documents = {
        "/voice": document(menu),
        "/chosen": document(lambda r: r.record(action="/recorded", finish_on_key="#", timeout=20)),
        "/recorded": document(lambda r: r.play("/thanks.wav"), lambda r: r.hangup()),
    }
    asyncio.run(leaves_a_message(bot))
    bot.wait_for(lambda: any(path == "/status" for path, _ in ivr.asked))
    assert [path for path, _ in ivr.asked] == ["/voice", "/chosen", "/recorded", "/status"]
    assert ivr.unsigned == []
    assert ivr.parameters("/voice")["CallStatus"] == "ringing"
    assert ivr.parameters("/chosen")["Digits"] == "7"
    assert ivr.parameters("/recorded")["Digits"] == "#"
    assert ivr.parameters("/status")["CallStatus"] == "completed"
    assert len({given["CallSid"] for _, given in ivr.asked}) == 1
    recording = urlsplit(ivr.parameters("/recorded")["RecordingUrl"]).path
    with urllib.request.urlopen(f"http://{bot.http}{recording}.wav", timeout=5) as answer:
        assert answer.headers["Content-Type"] == "audio/wav"
        assert len(answer.read()) > len(speech()) // 2
    assert "Digits" not in bot.log()


def test_a_call_that_is_rejected(ivr: Ivr, bot: BotProcess) -> None:
    ivr.documents = {"/voice": document(lambda r: r.reject(reason="busy"))}
    with pytest.raises(CallFailedError, match="486"):
        asyncio.run(Caller.dial(bot.host, Address(bot.host, bot.port)))
    bot.wait_for(lambda: any(path == "/status" for path, _ in ivr.asked))
    assert ivr.parameters("/status")["CallStatus"] == "no-answer"


def test_a_document_that_cannot_be_read(ivr: Ivr, bot: BotProcess) -> None:
    async def hears_the_end() -> None:
        caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
        try:
            async with asyncio.timeout(WITHIN_S):
                await caller.listen_for(0.3)
                await caller.over.wait()
        finally:
            caller.close()

    ivr.documents = {"/voice": "<Response><Play>"}
    asyncio.run(hears_the_end())
    assert [row["end_reason"] for row in bot.ended()] == ["TwiML error 12100"]
    assert "error 12100" in bot.log()


def test_over_a_media_stream(ivr: Ivr, bot: BotProcess) -> None:
    async def call() -> None:
        carrier = await Carrier.dial(f"ws://{bot.http}/twilio/media", parameters={"from": "+1555", "to": "+1666"})
        async with asyncio.timeout(WITHIN_S):
            await carrier.listen_for(0.3)
            await carrier.over.wait()

    ivr.documents = {"/voice": document(lambda r: r.play("/welcome.wav"))}
    asyncio.run(call())
    given = ivr.parameters("/voice")
    assert (given["From"], given["To"], given["CallStatus"]) == ("+1555", "+1666", "in-progress")


def test_a_stream_of_the_application(ivr: Ivr, bot: BotProcess, stream_port: int) -> None:
    heard: list[dict[str, object]] = []
    tone = base64.b64encode(_law(THANKS_HZ)).decode()

    async def application(socket: ServerConnection) -> None:
        async for message in socket:
            found = json.loads(message)
            heard.append(found)
            if found["event"] == "start":
                sid = found["streamSid"]
                await socket.send(json.dumps({"event": "media", "streamSid": sid, "media": {"payload": tone}}))
                await socket.send(json.dumps({"event": "mark", "streamSid": sid, "mark": {"name": "end"}}))
            if {"mark", "media"} <= {str(each["event"]) for each in heard}:
                return

    async def call() -> None:
        async with serve(application, "127.0.0.1", stream_port):
            connect = Connect(action="/after")
            connect.stream(url=f"ws://127.0.0.1:{stream_port}/media").parameter(name="shop", value="12")
            ivr.documents = {"/voice": document(lambda r: r.append(connect))}
            caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
            ear = Ear(caller)
            try:
                async with asyncio.timeout(WITHIN_S):
                    await ear.heard(THANKS_HZ)
                    await caller.say(speech())
                    await caller.over.wait()
            finally:
                caller.close()

    asyncio.run(call())
    kinds = [each["event"] for each in heard]
    assert kinds[:2] == ["connected", "start"]
    assert {"media", "mark"} < set(kinds)
    (start,) = (each["start"] for each in heard if each["event"] == "start")
    assert start["customParameters"] == {"shop": "12"}  # type: ignore[index]
    assert [path for path, _ in ivr.asked if path == "/after"] == ["/after"]


def _law(frequency_hz: float) -> bytes:
    return PCMU.encode(tones((frequency_hz,), 1_500))
