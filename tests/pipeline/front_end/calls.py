"""Simulated calls on lines with echo: what the bot sends, what is received, and what the detector makes of it."""

import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from sys import stdout
from time import thread_time

import numpy as np

from offhook.pipeline.front_end.echo.guard import EchoGuard
from offhook.pipeline.front_end.front_end import AudioFrontEnd
from offhook.pipeline.vad.gate import GateEvent, SpeechConfirmed, SpeechStarted
from offhook.pipeline.vad.loudness import amplitude
from offhook.pipeline.vad.silero import SileroVad
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.plc import Concealer
from tests.pipeline.vad.audio import FRAME_SAMPLES, Samples
from tests.pipeline.vad.corpus import sentences
from tests.pipeline.vad.single import SingleGate
from tests.pipeline.voices import spoken

PACKET = 160
LOW_THRESHOLD = 0.3
AUDIBLE = amplitude(-45.0)
PROMPTS = (
    "Welcome to the bank. You can ask for your balance, for the opening hours, or say goodbye. What can I do for you?",
    "Thank you for calling. Please tell me in a few words what your call is about, and I will connect you.",
    "Your balance is four hundred and twenty seven pounds and sixteen pence. Is there anything else?",
)
VOICES = ("en-gb-x-rp", "en-us+f3", "en-us+m2", "en-gb-scotland+f2")


@lru_cache
def prompts() -> tuple[Samples, ...]:
    """The recorded one, and those spoken by espeak-ng."""
    recorded = _read(files("offhook").joinpath("assets", "bench", "reply.wav").read_bytes())[0]
    return recorded, *spoken(VOICES, PROMPTS)


def _read(data: bytes) -> tuple[Samples, int]:
    with wave.open(BytesIO(data)) as reader:
        return np.frombuffer(reader.readframes(reader.getnframes()), "<i2").astype(np.float64), reader.getframerate()


def at_level(audio: Samples, dbfs: float) -> Samples:
    """Scaled to this mean level over the parts with sound."""
    powers = np.square(audio[: len(audio) // PACKET * PACKET]).reshape(-1, PACKET).mean(axis=1)
    spoken = float(powers[powers > powers.max() / 300].mean())
    return np.asarray(audio * (amplitude(dbfs) / spoken**0.5))


def coded(audio: Samples) -> Samples:
    """Through mu-law and back."""
    pcm = audio.clip(-32_768, 32_767).round().astype("<i2").tobytes()
    return np.frombuffer(PCMU.decode(PCMU.encode(pcm)), "<i2").astype(np.float64)


def lossy(audio: Samples, rng: np.random.Generator, share: float) -> Samples:
    """Some packets lost, and concealed."""
    concealer = Concealer()
    out = b""
    for packet in audio.clip(-32_768, 32_767).astype("<i2").reshape(-1, PACKET):
        out += concealer.lost(PACKET) if rng.random() < share else concealer.good(packet.tobytes())
    return np.frombuffer(out, "<i2").astype(np.float64)


def in_bursts(audio: Samples, rng: np.random.Generator, packets: int) -> Samples:
    """This many packets lost in a row, about every 1.5 s, and concealed."""
    concealer = Concealer()
    out, next_loss = b"", float(rng.uniform(25, 75))
    for index, packet in enumerate(audio.clip(-32_768, 32_767).astype("<i2").reshape(-1, PACKET)):
        if next_loss <= index < next_loss + packets:
            out += concealer.lost(PACKET)
            continue
        out += concealer.good(packet.tobytes())
        if index >= next_loss:
            next_loss = index + float(rng.uniform(37, 112))
    return np.frombuffer(out, "<i2").astype(np.float64)


@dataclass
class SimulatedCall:
    """All positions are samples. `caller_at` is None if the caller says nothing."""

    sent: Samples
    received: Samples
    bot_at: int
    bot_end: int
    caller_at: int | None = None
    what: dict[str, object] = field(default_factory=dict)


def simulate(
    seed: int,
    *,
    echo_dbfs: tuple[float, float] | None = (-30.0, -6.0),
    caller: str | None = None,
    moved_ms: float = 0.0,
    noises_dbfs: tuple[float | None, ...] = (None, -70.0, -60.0, -55.0),
    losses: tuple[float, ...] = (0.0, 0.0, 0.01, 0.02, 0.03),
    lsb: int = 0,
) -> SimulatedCall:
    """One prompt on a line drawn by `seed`: delay 20 to 500 ms, `echo_dbfs` below the bot's level (None: no echo).

    The echo path is a pure delay, a hybrid's few milliseconds or a room's tail of 30 ms. `caller` says when the caller
    speaks: "over" the prompt after its first second, "early" in it, or "after" it. The echo moves by `moved_ms` in the
    middle of the call. Up to `lsb` of noise is added to what the detector gets, to simulate another machine's rounding.
    """
    rng = np.random.default_rng(seed)
    prompt = at_level(prompts()[int(rng.integers(len(prompts())))], rng.uniform(-24, -16))
    bot_at = int(rng.integers(2_400, 8_000))
    bot_end = bot_at + len(prompt)
    sent = np.concatenate([np.zeros(bot_at), prompt, np.zeros(16_000)])
    sent = coded(sent[: len(sent) // PACKET * PACKET])
    loss, noise = losses[int(rng.integers(len(losses)))], noises_dbfs[int(rng.integers(len(noises_dbfs)))]
    delay = int(rng.uniform(160, 4_000))
    kind = ("delay", "hybrid", "room")[int(rng.integers(3))]
    received = np.zeros(len(sent))
    level = rng.uniform(*(echo_dbfs or (0.0, 1.0)))
    if echo_dbfs is not None:
        path = np.concatenate([np.zeros(delay), _path(rng, kind) * 10 ** (level / 20)])
        received = np.convolve(lossy(sent, rng, loss), path)[: len(sent)]
    if moved_ms:
        moved = np.roll(received, int(8 * moved_ms))
        received = np.concatenate([received[: len(received) // 2], moved[len(received) // 2 :]])
    call = SimulatedCall(sent, received, bot_at, bot_end)
    call.what = {"seed": seed, "delay_ms": delay / 8, "echo_db": level, "path": kind, "loss": loss, "noise": noise}
    if caller is not None:
        words = at_level(sentences()[int(rng.integers(len(sentences())))], rng.uniform(-28, -14))
        words = words[int(np.flatnonzero(np.abs(words) > AUDIBLE)[0]) :]
        when = {"early": (bot_at + 800, bot_at + 8_000), "over": (bot_at + 8_000, bot_end - 4_000)}
        first, last = when.get(caller, (bot_end + 800, bot_end + 6_000))
        call.caller_at = int(rng.integers(first, last))
        received[call.caller_at : call.caller_at + len(words)] += words[: len(received) - call.caller_at]
    if noise is not None:
        received = received + rng.normal(size=len(received)) * amplitude(noise)
    call.received = lossy(coded(received), rng, loss)
    if lsb:
        call.received = call.received + np.random.default_rng((seed, lsb)).integers(-lsb, lsb + 1, size=len(received))
    return call


def _path(rng: np.random.Generator, kind: str) -> Samples:
    taps = np.ones(1)
    if kind == "hybrid":
        length = int(rng.integers(16, 64))
        taps = rng.normal(size=length) * np.exp(-np.arange(length) / (length / 4))
    elif kind == "room":
        taps = rng.normal(size=240) * np.exp(-np.arange(240) / rng.uniform(20, 60))
        taps[0] += rng.uniform(1, 3)
    return np.asarray(taps / np.sqrt((taps**2).sum()) * rng.choice([-1, 1]))


@dataclass
class Outcome:
    """The result of a call: events, each with the sample at which it was known."""

    events: list[tuple[int, GateEvent]] = field(default_factory=list)
    front_end_s: float = 0.0

    def starts(self) -> list[int]:
        return [at for at, event in self.events if isinstance(event, SpeechStarted)]

    def confirmations(self) -> list[int]:
        return [at for at, event in self.events if isinstance(event, SpeechConfirmed)]


def run(
    call: SimulatedCall, front_end: AudioFrontEnd | None, *, low_threshold: Callable[[int], bool] | None = None
) -> Outcome:
    """The call in 20 ms packets through detector and gate; the low threshold is used while the bot speaks."""
    outcome, gate, detector = Outcome(), SingleGate(), SileroVad().stream()
    received = call.received.clip(-32_768, 32_767).astype("<i2").tobytes()
    sent = PCMU.encode(call.sent.astype("<i2").tobytes())
    unframed, frame_at, first = b"", 0, True
    for at in range(0, len(call.received) - PACKET + 1, PACKET):
        pcm = received[2 * at : 2 * (at + PACKET)]
        began = thread_time()
        if front_end is not None:
            if call.bot_at - PACKET < at < call.bot_end:
                front_end.sent(sent[at : at + PACKET], at / 8_000, first=first)
                first = False
            pcm = front_end.on_audio(pcm, at, (at + PACKET) / 8_000)
        outcome.front_end_s += thread_time() - began
        unframed += pcm
        while len(unframed) >= 2 * FRAME_SAMPLES:
            frame, unframed = unframed[: 2 * FRAME_SAMPLES], unframed[2 * FRAME_SAMPLES :]
            end = frame_at + FRAME_SAMPLES
            probability = detector.infer(frame)
            began = thread_time()
            if front_end is not None and probability >= LOW_THRESHOLD:
                probability = front_end.score(probability, end, in_speech=gate.in_speech)
            outcome.front_end_s += thread_time() - began
            gate.gate.low_threshold = (
                low_threshold(end) if low_threshold is not None else call.bot_at <= end <= call.bot_end
            )
            outcome.events += [(end, event) for event in gate.push(probability, frame, frame_at)]
            frame_at = end
    return outcome


def report(figures: str) -> None:
    """For `pytest -s`."""
    stdout.write(f"\n{figures}\n")


def new_front_end() -> AudioFrontEnd:
    return AudioFrontEnd(EchoGuard(PCMU.decode))
