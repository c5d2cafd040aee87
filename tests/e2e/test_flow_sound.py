"""Recorded prompts, music, keys and a message of a flow, as they are heard and left by a phone."""

import asyncio
import wave
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np

from offhook.sip.net.address import Address
from offhook.telephony.pcm import audioop
from offhook.telephony.tones import tones
from offhook.testing.sip_caller import Caller, read_recording
from offhook.testing.wav_file import wav
from tests.e2e.conftest import BotProcess

FLOW = """
name: sounds
start: welcome
steps:
  welcome: {say: {file: welcome.wav, text: Welcome to our tone.}, next: rest}
  rest: {wait: 0.5, next: music}
  music: {play: music.wav, loop: yes, for_s: 60, until: key, next: keys}
  keys: {press: "12w#", next: noted}
  noted: {log: "Called by {call.caller}.", next: leave}
  leave: {record: {file: welcome.wav, text: Speak after the tone.}, into: message, next: bye, otherwise: lost}
  lost: {hang_up: {file: welcome.wav, text: Nothing was left.}}
  bye: {hang_up: {file: welcome.wav, text: That was our tone.}}
"""
LIGHT = {"OFFHOOK_ASR__ENGINE": "fixed", "OFFHOOK_TTS__ENGINE": "recorded", "OFFHOOK_VAD__ENGINE": "energy"}
WELCOME_HZ, MUSIC_HZ, BEEP_HZ = 440.0, 1_300.0, 1_000.0
NEAR_HZ = 15.0
WINDOW_BYTES = 4_800
"""0.3 s, less than the beep has."""


QUIET_RMS = 50


def pitch_hz(pcm: bytes) -> float:
    """The strongest frequency; 0 for silence."""
    if audioop.rms(pcm, 2) < QUIET_RMS:
        return 0.0
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * 8_000 / len(samples)


class Ear:
    """What a caller hears; `heard` waits for a tone."""

    def __init__(self, caller: Caller) -> None:
        self.pcm = bytearray()
        self.keys = ""
        self._more = asyncio.Event()
        caller.line.add_listener(audio=self._on_audio, dtmf=self._on_key)

    async def heard(self, frequency_hz: float) -> None:
        while abs(pitch_hz(bytes(self.pcm[-WINDOW_BYTES:])) - frequency_hz) > NEAR_HZ:
            self._more.clear()
            await self._more.wait()

    async def silent(self) -> None:
        await self.heard(0.0)

    def _on_audio(self, pcm: bytes, _at_tick: int, _at_s: float) -> None:
        self.pcm += pcm
        self._more.set()

    def _on_key(self, key: str, _at_tick: int) -> None:
        self.keys += key


async def call(bot: BotProcess) -> str:
    """The keys that came."""
    caller = await Caller.dial(bot.host, Address(bot.host, bot.port))
    ear = Ear(caller)
    try:
        async with asyncio.timeout(90):
            await ear.heard(WELCOME_HZ)
            await ear.heard(MUSIC_HZ)
            caller.press("5")
            await ear.heard(WELCOME_HZ)
            await ear.heard(BEEP_HZ)
            await ear.silent()
            for _ in range(2):
                await caller.say(speech())
            caller.press("#")
            await caller.over.wait()
    finally:
        caller.close()
    return ear.keys


def speech() -> bytes:
    return read_recording(files("offhook").joinpath("assets", "caller", "check-my-balance.wav"))


def test_what_a_phone_hears_and_leaves(start_bot: Callable[..., BotProcess], tmp_path: Path) -> None:
    flow = tmp_path / "sounds.yaml"
    flow.write_text(FLOW)
    (tmp_path / "welcome.wav").write_bytes(wav(tones((WELCOME_HZ,), 2_000)))
    (tmp_path / "music.wav").write_bytes(wav(tones((MUSIC_HZ,), 1_500)))
    bot = start_bot("--flow", str(flow), **LIGHT, OFFHOOK_RECORDS__DIR=str(tmp_path / "data"))
    assert asyncio.run(call(bot)) == "12#"
    (message,) = (tmp_path / "data" / "recordings").glob("*-message-1.wav")
    with wave.open(str(message)) as audio:
        seconds = audio.getnframes() / audio.getframerate()
    said_s = 2 * len(speech()) / 16_000
    assert said_s - 0.5 < seconds < said_s + 3.0
    assert bot.stop() == 0
