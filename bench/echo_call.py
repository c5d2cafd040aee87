"""A caller whose line echoes what the bot says: delayed, weaker, through a short filter, with noise, coded twice."""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.soak_call import Dialog, Refused
from offhook.telephony.codec.g711 import PCMU
from offhook.testing.sip_caller import read_recording
from offhook.testing.udp import Address

RATE_HZ = 8_000
FRAME = 160  # samples of 20 ms
PLAYOUT_SAMPLES = 120  # 15 ms: the far end's playout delay, part of the echo's
GAP_S = 0.1  # longer than any pacing error: the bot has paused
AUDIBLE = 32_768 * 10 ** (-45 / 20)
THOUGHT_S = 0.9  # longer than any pause within a prompt
POLL_S = 0.02
NOTHING_DB = -200.0
LIMIT_S = 60.0  # of one call
RECORDINGS = ("check-my-balance", "opening-hours", "goodbye")

Samples = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EchoLine:
    """The echo path of the bot's audio. `taps` have unit energy, scaled by `level_db`."""

    delay_ms: float
    level_db: float
    taps: Samples
    path: str
    noise_dbfs: float | None

    @classmethod
    def drawn(cls, chance: np.random.Generator) -> "EchoLine":
        """20 to 500 ms, -6 to -30 dB; a delay alone, a hybrid's 2 to 8 ms or a room's tail of 30; perhaps noise."""
        path = ("delay", "hybrid", "room")[int(chance.integers(3))]
        taps = np.ones(1)
        if path == "hybrid":
            length = int(chance.integers(16, 64))
            taps = chance.normal(size=length) * np.exp(-np.arange(length) / (length / 4))
        elif path == "room":
            taps = chance.normal(size=240) * np.exp(-np.arange(240) / chance.uniform(20, 60))
            taps[0] += chance.uniform(1, 3)
        taps = taps / np.sqrt(np.square(taps).sum()) * chance.choice([-1.0, 1.0])
        noise = (None, -70.0, -60.0, -55.0)[int(chance.integers(4))]
        return cls(float(chance.uniform(20, 500)), float(chance.uniform(-30, -6)), taps, path, noise)

    def to_dict(self) -> dict[str, object]:
        """For a report."""
        return {
            "delay_ms": round(self.delay_ms),
            "level_db": round(self.level_db, 1),
            "path": self.path,
            "noise_dbfs": self.noise_dbfs,
        }


class FarEnd:
    """The caller's phone without its sockets. Positions are samples since its clock began."""

    def __init__(self, line: EchoLine, chance: np.random.Generator) -> None:
        self._taps = line.taps * 10 ** (line.level_db / 20)
        self._lag = max(0, round(line.delay_ms * RATE_HZ / 1000) - PLAYOUT_SAMPLES)
        self._noise = 32_768 * 10 ** (line.noise_dbfs / 20) if line.noise_dbfs is not None else 0.0
        self._chance = chance
        self._played = np.zeros(int((LIMIT_S + 2) * RATE_HZ))
        self._words: Samples = np.zeros(0)
        self._words_at = 0
        self._offset = 0  # from the bot's timestamps to positions
        self._known = False
        self.at = 0
        """The next sample to send."""

    @property
    def words_end(self) -> int:
        """The position where the current words end."""
        return self._words_at + len(self._words)

    def receive(self, payload: bytes, timestamp: int, at: int, *, first: bool) -> None:
        """A packet from the bot arrived at position `at`; `first` in a talk spurt."""
        if first or not self._known:
            self._offset, self._known = at + PLAYOUT_SAMPLES - timestamp, True
        start = (self._offset + timestamp) % 2**32
        if start + len(payload) <= len(self._played):
            self._played[start : start + len(payload)] = np.frombuffer(PCMU.decode(payload), "<i2")

    def speak(self, words: Samples, at: int) -> None:
        """Say something, from position `at` on."""
        self._words, self._words_at = words, at

    def frame(self) -> bytes:
        """The caller's next 20 ms, mu-law."""
        start, stop = self.at, self.at + FRAME
        self.at = stop
        before = start - self._lag - len(self._taps) + 1
        played = self._played[max(0, before) : max(0, stop - self._lag)]
        played = np.concatenate([np.zeros(FRAME + len(self._taps) - 1 - len(played)), played])
        audio = np.convolve(played, self._taps, "valid")
        low, high = max(start, self._words_at), min(stop, self.words_end)
        if low < high:
            audio[low - start : high - start] += self._words[low - self._words_at : high - self._words_at]
        if self._noise:
            audio = audio + self._chance.normal(size=FRAME) * self._noise
        return PCMU.encode(audio.clip(-32_768, 32_767).round().astype("<i2").tobytes())


@dataclass
class Spurt:
    """The bot's packets from one pause to the next; times are those of their arrival."""

    began_s: float
    last_s: float
    samples: int


@dataclass
class Turn:
    """One prompt, as it was on the wire. `spoke_s`: when the caller became audible over it; None: not over it."""

    number: int
    began_s: float
    spoke_s: float | None = None
    cut_s: float | None = None
    false: str = ""

    @property
    def cut_ms(self) -> float | None:
        """From the caller's first audible sample to the bot's last packet; None: it spoke to the end."""
        return None if self.cut_s is None or self.spoke_s is None else 1000 * (self.cut_s - self.spoke_s)


@dataclass
class CallReport:
    """The report of a call."""

    number: int
    line: EchoLine
    turns: list[Turn] = field(default_factory=list)
    late_ms: float = 0.0
    """The worst lateness of the caller's own packets."""
    refused: bool = False
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For the JSON."""
        turns = [
            {
                "prompt": turn.number,
                "spoke_over_it_after_s": None if turn.spoke_s is None else round(turn.spoke_s - turn.began_s, 2),
                "cut_ms": None if turn.cut_ms is None else round(turn.cut_ms),
                "false": turn.false,
            }
            for turn in self.turns
        ]
        return {
            "call": self.number,
            **self.line.to_dict(),
            "turns": turns,
            "late_ms": round(self.late_ms),
            "error": self.error,
        }


class MediaSocket:
    """A UDP socket with the arrival time of each datagram, however late it is read (Linux)."""

    _TIMESTAMP_NS = 35  # SO_TIMESTAMPNS of <asm-generic/socket.h>, which the socket module does not name

    def __init__(self, receive: Callable[[bytes, float], None]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, self._TIMESTAMP_NS, 1)
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self.read)
        self.port: int = self._socket.getsockname()[1]

    def read(self) -> None:
        """Take in all datagrams that have arrived."""
        wall_s = time.time() - time.monotonic()
        while True:
            try:
                data, control, _, _ = self._socket.recvmsg(2_048, socket.CMSG_SPACE(16))
            except BlockingIOError:
                return
            stamps = [struct.unpack("@qq", stamp) for _, kind, stamp in control if kind == self._TIMESTAMP_NS]
            at_s = stamps[0][0] + stamps[0][1] / 1e9 - wall_s if stamps else time.monotonic()
            self._receive(data, at_s)

    def send(self, data: bytes, to: Address) -> None:
        self._socket.sendto(data, to)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()


class EchoCall:
    """One call through real sockets. `prompt_samples` is the length of each of the bot's prompts."""

    def __init__(self, target: Address, number: int, seed: int, prompt_samples: int, *, echo: bool = True) -> None:
        self._chance = np.random.default_rng((seed, number))
        line = EchoLine.drawn(self._chance)
        self.report = CallReport(number, line if echo else replace(line, level_db=NOTHING_DB))
        self._prompt_samples = prompt_samples
        self._far = FarEnd(self.report.line, self._chance)
        self._dialog = Dialog(target, number)
        self._media = MediaSocket(self._receive)
        self._began_s = time.monotonic()
        self.spurts: list[Spurt] = []
        self._ssrc = int(self._chance.integers(2**32))

    async def run(self, turns: int, *, over: bool) -> CallReport:
        """Listen to `turns` prompts, or speak `over` each of them; answer, and hang up."""

        async def prompts() -> None:
            for number in range(turns):
                await (self._interrupt(number) if over else self._listen_to(number))
            await self._dialog.bye()

        return await self._call(prompts())

    async def converse(self, names: tuple[str, ...]) -> CallReport:
        """Answer with one recording after the other, each when the bot has been silent for a while; it hangs up."""

        async def answers() -> None:
            for name in names:
                spoken = len(self.spurts)
                await self._until(lambda: len(self.spurts) > spoken)  # noqa: B023
                await self._until(lambda: time.monotonic() - self.spurts[-1].last_s > THOUGHT_S)
                await self._say(0.0, name=name)
            await self._dialog.ended.wait()

        return await self._call(answers())

    async def _call(self, what: Coroutine[None, None, None]) -> CallReport:
        talking: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(LIMIT_S):
                to = await self._dialog.invite(self._media.port)
                self._dialog.acknowledge()
                talking = asyncio.create_task(self._talk(to))
                await what
        except Refused as refused:
            self.report.refused, self.report.error = True, f"refused {refused}"
        except Exception as error:  # noqa: BLE001
            # A failed call must not spoil the figures of the others.
            self.report.error = repr(error)
        finally:
            what.close()
            if talking is not None:
                talking.cancel()
            self._dialog.close()
            self._media.close()
        return self.report

    async def _listen_to(self, number: int) -> None:
        """Stay silent during the prompt, and then for longer than an echo and the end of a turn take; then answer."""
        turn = await self._prompt(number)
        first = len(self.spurts) - 1
        spoken_s = self._prompt_samples / RATE_HZ
        while time.monotonic() < turn.began_s + spoken_s + 1.7:
            await asyncio.sleep(POLL_S)
            spurt = self.spurts[first]
            if spurt.samples < self._prompt_samples and self._pauses(spurt):
                turn.false = f"cut after {spurt.last_s - turn.began_s:.2f} s"
            elif len(self.spurts) > first + 1:
                turn.false = "took the end of its own prompt for an answer"
            if turn.false:
                return
        await self._say(0.0)
        await self._until(lambda: len(self.spurts) > first + 1)

    async def _interrupt(self, number: int) -> None:
        """Speak at a random moment of the prompt, at the latest 1.5 s before its end."""
        turn = await self._prompt(number)
        first = len(self.spurts) - 1
        spurt = self.spurts[first]
        await self._say(self._chance.uniform(0.1, self._prompt_samples / RATE_HZ - 1.5), turn)
        await self._until(lambda: self._far.at >= self._far.words_end or self._pauses(spurt))
        if spurt.samples < self._prompt_samples and self._pauses(spurt):
            turn.cut_s = spurt.last_s
            if turn.spoke_s is None or turn.cut_s < turn.spoke_s:
                turn.false = f"cut after {turn.cut_s - turn.began_s:.2f} s, before the caller spoke"
        # In either case the answer is a new prompt, or the rest of this one.
        await self._until(lambda: len(self.spurts) > first + 1)

    async def _prompt(self, number: int) -> Turn:
        """Wait for the prompt's first packet; a spurt in progress counts as its beginning."""
        await self._until(lambda: bool(self.spurts) and not self._pauses(self.spurts[-1]))
        turn = Turn(number, self.spurts[-1].began_s)
        self.report.turns.append(turn)
        return turn

    def _pauses(self, spurt: Spurt) -> bool:
        """Whether the bot has paused, or stopped, after this spurt."""
        now = time.monotonic()
        self._media.read()  # if this program was late itself, packets may be waiting
        return now - spurt.last_s > GAP_S

    async def _until(self, met: Callable[[], bool]) -> None:
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)  # mostly: that nothing has come for a while

    async def _say(self, after_s: float, turn: Turn | None = None, name: str = "") -> None:
        name = name or RECORDINGS[int(self._chance.integers(len(RECORDINGS)))]
        words = recording(name, self._chance.uniform(-28, -14))
        at = self._far.at + round(after_s * RATE_HZ)
        self._far.speak(words, at)
        if turn is not None:
            turn.spoke_s = self._began_s + at / RATE_HZ

    async def _talk(self, to: Address) -> None:
        """Send a packet every 20 ms of absolute time, when its last sample has been spoken."""
        number = int((time.monotonic() - self._began_s) * RATE_HZ) // FRAME
        self._far.at = number * FRAME
        while True:
            number += 1
            await asyncio.sleep(max(0.0, self._began_s + number * FRAME / RATE_HZ - time.monotonic()))
            self.report.late_ms = max(self.report.late_ms, 1000 * (time.monotonic() - self._began_s) - number * 20)
            header = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * FRAME, self._ssrc)
            self._media.send(header + self._far.frame(), to)

    def _receive(self, data: bytes, now: float) -> None:
        if len(data) <= 12 or data[1] & 0x7F:
            return
        _, kind, _, timestamp, _ = struct.unpack_from("!BBHII", data)
        first = bool(kind & 0x80) or not self.spurts or now - self.spurts[-1].last_s > GAP_S
        payload = data[12:]
        if first:
            self.spurts.append(Spurt(now, now, 0))
        self.spurts[-1].last_s = now
        self.spurts[-1].samples += len(payload)
        self._far.receive(payload, timestamp, round((now - self._began_s) * RATE_HZ), first=first)


def recording(name: str, dbfs: float) -> Samples:
    """A caller's sentence from its first audible sample on; `dbfs` is the mean level of its audible parts."""
    pcm = read_recording(files("offhook").joinpath("assets", "caller", f"{name}.wav"))
    audio = np.frombuffer(pcm, "<i2").astype(np.float64)
    powers = np.square(audio[: len(audio) // FRAME * FRAME]).reshape(-1, FRAME).mean(axis=1)
    spoken = float(powers[powers > powers.max() / 300].mean())
    audio = audio * (32_768 * 10 ** (dbfs / 20) / spoken**0.5)
    return np.asarray(audio[int(np.flatnonzero(np.abs(audio) > AUDIBLE)[0]) :])
