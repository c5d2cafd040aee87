"""Who answered? Greetings and tones over real RTP to `pipeline/answering`, judged by their kind.

    python -m bench.who_answered [--voices tuned|judged] [--recordings FOLDER] [--calls 200] [--offline]

The greetings are what people and machines say, by several voices, with pauses, in noise, at several levels; a call
begins with some silence. Nothing was tuned on the voices of `judged`, on its noise or its levels. `--recordings` adds
prompts that people have spoken (see `bench.human_speech`), as greetings of machines. A machine is right as any kind of
machine: its kind follows from words, which needs a recogniser. `--offline` gives the audio to the detector without the
wire.
"""

import argparse
import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.human_speech import clips
from bench.loopback import HOST, rtp_to
from bench.phone_line import PACKET, is_installed, speak
from offhook.pipeline.answering.detector import AnswerDetector
from offhook.pipeline.answering.verdict import AnsweredBy, Beep, Verdict
from offhook.telephony import tones
from offhook.telephony.codec.g711 import PCMU
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool
from offhook.telephony.net.udp_line import UdpLine

AT_ONCE = 20

VOICES = {
    "tuned": ("flite:slt", "espeak:en-us+m3"),
    "judged": (
        "flite:rms",
        "flite:awb",
        "flite:kal16",
        "espeak:en-gb+f2",
        "espeak:en-us+m7",
        "espeak:en-gb-scotland+f4",
    ),
}

PEOPLE = (
    "Hello?",
    "Hello.",
    "Yes?",
    "Hi.",
    "Yeah, hello?",
    "Hello, who is this?",
    "Hello, this is John.",
    "Smith residence.",
    "Mary speaking.",
    "Good morning.",
    "Hello? |900| Hello?",
    "Yes, hello, Miller here.",
    "Good afternoon, Baker Street.",
    "Hi, it's Anna.",
    "Hello, John Baker speaking.",
)
VOICEMAILS = (
    "Hi, you've reached John Baker. I can't come to the phone right now, so please leave a message after the tone.",
    "Your call has been forwarded to an automated voice messaging system. At the tone, please record your message.",
    "The person you are calling is not available. Please leave your message after the beep.",
    "Hello. |200| This is Mary. I'm away from my desk at the moment. Leave me a message and I'll call you back.",
    "You have reached the voicemail box of five five five, one two three four. To leave a message, wait for the tone.",
    "Hi, this is Anna, sorry I missed your call. Please leave your name and number and I'll get back to you.",
    "Thanks for calling Baker and Sons. Our office is closed right now. Please leave a message.",
)
MENUS = (
    "Thank you for calling Acme. Your call may be recorded. For sales, press one. For support, press two.",
    "Welcome to the city hospital. If this is an emergency, hang up and dial nine one one. Please listen to our menu.",
    "Hello, and welcome to the bank. Please say or enter your account number.",
)
SCREENS = (
    "Hi, the person you're calling is using a screening service. Please say your name and why you're calling.",
    "Please state your name and reason for calling, and I will see whether this person is available.",
)

Audio = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is heard after the answer; `audio` in 16-bit samples at 8 kHz, its speech begins at `begins_ms`."""

    kind: AnsweredBy
    name: str
    audio: Audio
    begins_ms: int
    short: bool = False
    has_beep: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A greeting, the first verdict and when it came, from the first sound on; whether the beep was heard."""

    greeting: Greeting
    verdict: Verdict | None
    after_ms: float
    last: AnsweredBy | None
    beeps: int

    @property
    def right(self) -> bool:
        """Whether human, machine and tones were distinguished."""
        if self.verdict is None:
            return False
        by, kind = self.verdict.by, self.greeting.kind
        return by.is_machine if kind.is_machine else by is kind


def pcm(audio: bytes) -> Audio:
    """Its samples."""
    return np.frombuffer(audio, "<i2").astype(float)


def quiet(ms: float) -> Audio:
    """Digital silence."""
    return np.zeros(round(ms * 8))


def spoken(voice: str, text: str, rate: float) -> Audio:
    """A text with pauses in it, `|ms|`, trimmed of its silence."""
    parts: list[Audio] = []
    for n, part in enumerate(text.split("|")):
        parts.append(quiet(float(part)) if n % 2 else trimmed(speak(voice, part.strip(), rate).astype(float)))
    return np.concatenate(parts)


def trimmed(audio: Audio) -> Audio:
    """Without what is silent at either end."""
    loud = np.flatnonzero(np.abs(audio) > 0.02 * np.abs(audio).max())
    return audio[loud[0] : loud[-1] + 1] if len(loud) else audio


def beep(chance: random.Random) -> Audio:
    """A voicemail's."""
    return pcm(tones.tones((chance.choice((440.0, 850.0, 1_000.0, 1_400.0)),), chance.choice((180, 400, 700))))


def cadence(frequencies: tuple[float, ...], on_ms: int, off_ms: int, count: int) -> Audio:
    """A tone, again and again."""
    one = np.concatenate((pcm(tones.tones(frequencies, on_ms, level_dbfs=-20)), quiet(off_ms)))
    return np.tile(one, count)


def special_information(offsets: tuple[int, int, int], lengths_ms: tuple[int, int, int]) -> Audio:
    """The three tones (ITU-T E.180)."""
    high = (913.8, 985.2), (1_370.6, 1_428.5), (1_776.7, 1_776.7)
    parts = [
        pcm(tones.tones((pair[n],), ms, level_dbfs=-20)) for pair, n, ms in zip(high, offsets, lengths_ms, strict=True)
    ]
    return np.concatenate((*parts, quiet(500)))


def tone_calls() -> Iterator[tuple[AnsweredBy, str, Audio]]:
    """Tones of several countries."""
    yield AnsweredBy.FAX, "calling tone", cadence((1_100.0,), 500, 3_000, 2)
    yield AnsweredBy.FAX, "called tone", cadence((2_100.0,), 3_000, 1_000, 1)
    yield AnsweredBy.FAX, "calling tone, 30 Hz off", cadence((1_130.0,), 480, 3_000, 2)
    for name, frequencies, on_ms, off_ms in (
        ("us", (480.0, 620.0), 500, 500),
        ("de", (425.0,), 480, 480),
        ("uk", (400.0,), 375, 375),
        ("fr", (440.0,), 500, 500),
    ):
        yield AnsweredBy.BUSY, name, cadence(frequencies, on_ms, off_ms, 5)
    for name, frequencies, on_ms, off_ms in (("us", (480.0, 620.0), 250, 250), ("de", (425.0,), 240, 240)):
        yield AnsweredBy.REORDER, name, cadence(frequencies, on_ms, off_ms, 10)
    yield AnsweredBy.SIT, "vacant", special_information((1, 0, 0), (380, 274, 380))
    yield AnsweredBy.SIT, "reorder", special_information((0, 1, 0), (274, 380, 380))
    yield AnsweredBy.SIT, "no circuit", special_information((1, 1, 1), (380, 380, 380))
    yield AnsweredBy.SIT, "intercept", special_information((0, 0, 1), (274, 274, 380))


def greetings(voices: tuple[str, ...], calls: int, seed: int, recordings: Path | None) -> list[Greeting]:
    """So many: people two fifths, machines two fifths, tones the rest."""
    chance = random.Random(seed)
    found: list[Greeting] = []
    people = calls * 2 // 5
    for n in range(people):
        text = PEOPLE[n % len(PEOPLE)]
        audio = spoken(voices[n % len(voices)], text, chance.uniform(0.9, 1.15))
        short = len(audio) <= 8 * 450
        found.append(_called(chance, AnsweredBy.HUMAN, f"{voices[n % len(voices)]}: {text}", audio, short=short))
    humans = _recorded(recordings, chance) if recordings is not None else iter(())
    machines = [
        *((AnsweredBy.VOICEMAIL, text) for text in VOICEMAILS),
        *((AnsweredBy.IVR, text) for text in MENUS),
        *((AnsweredBy.SCREENING, text) for text in SCREENS),
    ]
    for n in range(people):
        kind, text = machines[n % len(machines)]
        voice = voices[(n + n // len(machines)) % len(voices)]
        recorded = next(humans, None) if n % 3 == 0 else None
        name, audio = recorded or (f"{voice}: {text}", spoken(voice, text, chance.uniform(0.95, 1.1)))
        has_beep = recorded is None and kind is AnsweredBy.VOICEMAIL
        if has_beep:
            audio = np.concatenate((audio, quiet(chance.uniform(300, 1_200)), beep(chance), quiet(600)))
        found.append(_called(chance, kind, name, audio, has_beep=has_beep))
    sounds = list(tone_calls())
    for n in range(calls - 2 * people):
        kind, name, audio = sounds[n % len(sounds)]
        found.append(_called(chance, kind, name, audio))
    return found


def _recorded(folder: Path, chance: random.Random) -> Iterator[tuple[str, Audio]]:
    """Long sentences that people have spoken as prompts."""
    long = [clip for clip in clips(folder) if clip.group == "prompts" and clip.seconds > 3.0]
    chance.shuffle(long)
    for clip in long:
        yield f"recorded: {clip.name}", trimmed(clip.samples.astype(float))


def _called(
    chance: random.Random, kind: AnsweredBy, name: str, audio: Audio, *, short: bool = False, has_beep: bool = False
) -> Greeting:
    """On a line: a level, noise, silence before and after."""
    before_ms = chance.uniform(150, 1_200)
    whole = np.concatenate((quiet(before_ms), audio, quiet(4_000)))
    peak_dbfs = chance.uniform(-15, -3)
    whole *= 10 ** (peak_dbfs / 20) * 32_767 / max(1.0, float(np.abs(audio).max()))
    noise = np.random.default_rng(chance.randrange(2**32)).normal(
        0, 32_768 * 10 ** (chance.uniform(-75, -52) / 20), len(whole)
    )
    return Greeting(kind, name, whole + noise, round(before_ms), short, has_beep)


def _payload(greeting: Greeting) -> bytes:
    return PCMU.encode(np.clip(greeting.audio, -32_767, 32_767).astype("<i2").tobytes())


class Judge:
    """A detector and what it said of one greeting."""

    def __init__(self, greeting: Greeting) -> None:
        self.greeting = greeting
        self.detector = AnswerDetector()
        self.detector.answered()
        self.first: Verdict | None = None
        self.beeps = 0

    def audio(self, pcm: bytes, at_tick: int = 0, at_s: float = 0.0) -> None:
        """The line's audio."""
        for event in self.detector.audio(pcm):
            if isinstance(event, Verdict) and self.first is None and event.by is not AnsweredBy.SILENCE:
                self.first = event
            elif isinstance(event, Beep):
                self.beeps += event.heard

    def judged(self) -> Judged:
        """The result."""
        after = float("nan") if self.first is None else self.first.at_tick / 8 - self.greeting.begins_ms
        last = self.detector.verdict
        return Judged(self.greeting, self.first, after, None if last is None else last.by, self.beeps)


def offline(found: list[Greeting]) -> list[Judged]:
    """Without the wire."""
    results = []
    for greeting in found:
        judge = Judge(greeting)
        heard = PCMU.decode(_payload(greeting))
        for at in range(0, len(heard), 2 * PACKET):
            judge.audio(heard[at : at + 2 * PACKET])
        results.append(judge.judged())
    return results


async def over_the_wire(found: list[Greeting]) -> list[Judged]:
    """Each in a call of its own, `AT_ONCE` together."""
    clock, pool = MediaClock(), PortPool(41_000, 43_999, HOST)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(greeting: Greeting) -> Judged:
        async with slots:
            return await _call(greeting, clock, pool)

    try:
        return list(await asyncio.gather(*map(one, found)))
    finally:
        clock.close()


async def _call(greeting: Greeting, clock: MediaClock, pool: PortPool) -> Judged:
    now = asyncio.get_running_loop().time()
    ports = pool.acquire(now), pool.acquire(now)
    caller, callee = (UdpLine(mine, rtp_to(other.port), "PCMU", clock=clock) for mine, other in (ports, ports[::-1]))
    judge, done = Judge(greeting), asyncio.Event()
    caller.add_listener(audio=judge.audio)
    callee.add_listener(drained=done.set)
    caller.start()
    callee.start()
    callee.play(_payload(greeting))
    await done.wait()
    caller.close()
    callee.close()
    return judge.judged()


def report(results: list[Judged], write: Callable[[str], None] = print) -> None:
    """The figures, and each mistake."""
    right = sum(result.right for result in results)
    write(f"right: {right} of {len(results)} ({100 * right / len(results):.1f} %)")
    for kind in AnsweredBy:
        mine = [result for result in results if result.greeting.kind is kind]
        if not mine:
            continue
        times = sorted(result.after_ms for result in mine if result.verdict is not None)
        said = Counter("none" if result.verdict is None else str(result.verdict.by) for result in mine)
        middle, worst = (times[len(times) // 2], times[-1]) if times else (0.0, 0.0)
        rights = sum(result.right for result in mine)
        write(f"  {kind:10} {rights:3} of {len(mine):3}  p50 {middle:5.0f} ms, most {worst:5.0f}  {dict(said)}")
    hellos = sorted(result.after_ms for result in results if result.greeting.short and result.right)
    if hellos:
        middle = hellos[len(hellos) // 2]
        write(f"  a quick hello (≤ 450 ms): p50 {middle:.0f} ms, most {hellos[-1]:.0f}, {len(hellos)} of them")
    beeps = [result for result in results if result.greeting.has_beep]
    write(f"  beeps: {sum(result.beeps == 1 for result in beeps)} of {len(beeps)}")
    for result in results:
        if not result.right:
            verdict = result.verdict
            write(f"  wrong: {result.greeting.kind} {result.greeting.name}: {verdict and (verdict.by, verdict.why)}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voices", choices=tuple(VOICES), default="judged")
    parser.add_argument("--recordings", type=Path)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--offline", action="store_true")
    given = parser.parse_args()
    voices = tuple(voice for voice in VOICES[given.voices] if is_installed(voice))
    found = greetings(voices, given.calls, given.seed, given.recordings)
    report(offline(found) if given.offline else asyncio.run(over_the_wire(found)))


if __name__ == "__main__":
    main()
