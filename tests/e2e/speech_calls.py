"""Calls to a bot whose agent is a speech-to-speech model: the model's server, the bot and the caller's phone."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from offhook.sip.net.address import Address
from offhook.testing.carrier.call import Carrier
from offhook.testing.received import LOUD, Received
from offhook.testing.sip_caller import Caller
from offhook.testing.vendors.gemini_live import GeminiLiveServer
from offhook.testing.vendors.openai_live import OpenAiLiveServer
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.testing.vendors.tone_speech import text_in
from tests.e2e.conftest import BotProcess, speech

SpeechServer = OpenAiRealtimeServer | OpenAiLiveServer | GeminiLiveServer

AGENT = """
kind: speech
provider: {provider}
instructions: Be brief.
base_url: {url}
api_key: ${{SPEECH_KEY}}
{tools}
"""
TOOLS = """
async def balance(of: int) -> str:
    \"\"\"The balance of an account.\"\"\"
    return f"ten dollars, of {of}"
"""
SENTENCE = speech("check-my-balance")
FIRST_SOUND_S = float(np.argmax(np.abs(np.frombuffer(SENTENCE, "<i2").astype(int)) > LOUD)) / 8_000

PAUSE_S = 0.2
"""Longer than between two words."""


@dataclass(frozen=True)
class Vendor:
    """A speech-to-speech model: its server, and the path of its address."""

    provider: str
    server: type[SpeechServer]
    path: str = ""

    def __str__(self) -> str:
        return self.provider


REALTIME = Vendor("openai-realtime", OpenAiRealtimeServer, "/v1")
LIVE = Vendor("openai-live", OpenAiLiveServer, "/v1")
GEMINI = Vendor("gemini-live", GeminiLiveServer)


def _letters(text: str) -> str:
    """Without what a late packet changes: where there are spaces, and for how long a letter sounds."""
    return re.sub(r"(.)\1+", r"\1", text.replace(" ", ""))


class Phone:
    """The caller's side of one call, by either way."""

    def __init__(self, call: Caller | Carrier) -> None:
        self.call = call
        self.received = Received()
        call.add_listener(self.received.on_audio)
        self._now = asyncio.get_running_loop().time
        self._read_to = 0.0

    async def hears(self, text: str, within_s: float = 10.0) -> None:
        """Wait until the bot has said `text`, after what was waited for before."""
        heard = ""
        for _ in range(round(within_s / 0.1)):
            await asyncio.sleep(0.1)
            until = self._now()
            # Not on the loop: the model's server is on it, and would be late.
            heard = await asyncio.to_thread(text_in, self.received.between(self._read_to, until), 8_000)
            if _letters(text) in _letters(heard):
                self._read_to = until
                return
        raise AssertionError(f"the bot did not say {text!r}, but {heard!r}")

    async def hears_the_end(self) -> None:
        """Wait until the bot has stopped: a session that is lost before takes the rest of the sentence along."""
        while self._now() - self.received.spurts()[-1][1] < PAUSE_S:  # noqa: ASYNC110
            await asyncio.sleep(0.02)

    async def says(self) -> None:
        """Say something."""
        await self.call.say(SENTENCE)

    async def interrupts(self, after_s: float) -> tuple[float, float]:
        """Interrupt what the bot says next; returns how long that was, and how long the bot talked on, in ms."""
        before = len(self.received.spurts(0.2))
        while len(spurts := self.received.spurts(0.2)) <= before or self._now() - spurts[before][0] < after_s:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        spoke_at = self._now()
        await self.says()
        began, ended = self.received.spurts(0.2)[before]
        return 1000 * (ended - began), 1000 * (ended - spoke_at - FIRST_SOUND_S)

    async def close(self) -> None:
        """Hang up."""
        if isinstance(self.call, Carrier):
            await self.call.hang_up()
        else:
            self.call.close()


@asynccontextmanager
async def conversation(
    tmp_path: Path, vendor: Vendor, server: SpeechServer, way: str
) -> AsyncIterator[tuple[BotProcess, Phone]]:
    """A bot whose agent talks to `server`, and a call: by `stream`, or SIP with that codec."""
    (tmp_path / "shop.py").write_text(TOOLS)
    tools = "" if vendor is LIVE else "tools: [shop:balance]"
    about = AGENT.format(provider=vendor.provider, url=server.url + vendor.path, tools=tools)
    (tmp_path / "agent.yaml").write_text(about)
    settings = {"SPEECH_KEY": server.api_key}
    if way != "stream":
        settings["OFFHOOK_RTP__CODECS"] = json.dumps([way])
    start = partial(BotProcess, tmp_path, "--bench-engines", "--agent", "agent.yaml", **settings)  # type: ignore[arg-type]
    bot = await asyncio.to_thread(start)
    phone: Phone | None = None
    try:
        async with asyncio.timeout(60):
            if way == "stream":
                url = f"ws://{bot.http}/twilio/media"
                call: Caller | Carrier = await Carrier.dial(url, parameters={"from": "+1555"})
            else:
                call = await Caller.dial("127.0.0.1", Address(bot.host, bot.port))
            phone = Phone(call)
            yield bot, phone
    finally:
        if phone is not None:
            await phone.close()
        await asyncio.to_thread(bot.stop)
