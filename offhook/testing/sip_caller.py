"""A caller: dials a bot over SIP and RTP, detects whether it speaks, plays recordings and sends DTMF.

python -m offhook.testing.phone sip:bot@127.0.0.1:5060 --say question.wav --press 1     (see --help)
"""

import asyncio
import wave
from collections.abc import Coroutine
from contextlib import suppress
from importlib.resources.abc import Traversable
from time import monotonic
from typing import Any, Self, TypeVar

from offhook.carriers.rtp_settings import rtp_config
from offhook.sip.commands import Bye, Cancel, Invite, SendKey
from offhook.sip.errors import LocalError, RemoteError
from offhook.sip.events import CallAnswered, CallEnded, CallRejected, Event
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.sdp.negotiate import LocalMedia, accept_answer, make_offer
from offhook.telephony.listeners import AudioHandler
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPair, PortPool
from offhook.telephony.net.udp_line import UdpLine
from offhook.telephony.pcm import audioop

VOICED_PEAK = 600  # of 32767, about -35 dBFS: speech, not the noise of a line
PAUSE_S = 0.7  # a pause within a sentence is shorter
ANSWER_PAUSE_S = 0.4  # of a bot that was interrupted by a short answer, and has answered that

KEY_MS = 100
INFO_S = 0.15
"""From one INFO to the next."""

HUNG_UP = "the bot hung up before the caller was done"

T = TypeVar("T")


class CallFailedError(Exception):
    """The call could not be set up, or ended early."""


async def unless_over(wait: Coroutine[Any, Any, T], over: asyncio.Event) -> T:
    """The result of `wait`, or CallFailedError if the bot hangs up first and `over` is set."""
    waiting = asyncio.ensure_future(wait)
    ended = asyncio.ensure_future(over.wait())
    try:
        await asyncio.wait((waiting, ended), return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            raise CallFailedError(HUNG_UP)
        return waiting.result()
    finally:
        ended.cancel()
        waiting.cancel()


def read_recording(file: Traversable) -> bytes:
    """8 kHz mono 16-bit PCM of a WAV file. ValueError for any other format."""
    with file.open("rb") as raw, wave.open(raw) as audio:
        if (audio.getframerate(), audio.getnchannels(), audio.getsampwidth()) != (8_000, 1, 2):
            raise ValueError(f"{file.name} is not 8 kHz mono 16-bit")
        pcm: bytes = audio.readframes(audio.getnframes())
        return pcm


class SpeechMeter:
    """Detects by level when the far end speaks, and counts its talk spurts."""

    def __init__(self) -> None:
        self._run_began: float | None = None  # of the current talk spurt
        self._last_voiced = 0.0
        self._runs = 0
        self._interrupted = False
        self._changed = asyncio.Event()

    def interrupt(self) -> None:
        """The caller begins to speak: what comes after a pause, a shorter one included, is another talk spurt."""
        self._interrupted = True

    def on_audio(self, pcm: bytes, _at_tick: int, _at_s: float) -> None:
        """See MediaLine.add_listener."""
        if audioop.max(pcm, 2) < VOICED_PEAK:
            return
        now = monotonic()
        pause_s = ANSWER_PAUSE_S if self._interrupted else PAUSE_S
        if self._run_began is None or now - self._last_voiced > pause_s:
            self._run_began, self._interrupted = now, False
            self._runs += 1
            self._changed.set()
        self._last_voiced = now

    @property
    def runs(self) -> int:
        """How many talk spurts have begun."""
        return self._runs

    async def speaking(self, for_s: float, after_run: int) -> int:
        """Wait until a talk spurt after number `after_run` has lasted `for_s`; returns its number."""
        while self._runs <= after_run:
            self._changed.clear()
            await self._changed.wait()
        await asyncio.sleep(max(0.0, (self._run_began or 0.0) + for_s - monotonic()))
        return self._runs

    async def silent(self, after_run: int) -> int:
        """Wait until a talk spurt after number `after_run` is over; returns its number."""
        await self.speaking(0.0, after_run)
        while (left := self._last_voiced + PAUSE_S - monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(left)  # every voiced packet extends the spurt
        return self._runs


class Caller:
    """One outgoing call."""

    def __init__(self, endpoint: Endpoint, clock: MediaClock, ports: PortPool) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._ports = ports
        self._handle = ""
        self._line: UdpLine | None = None
        self._answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.over = asyncio.Event()
        self.speech_meter = SpeechMeter()
        self.run = 0  # the last talk spurt of the bot that `listen` has seen

    @classmethod
    async def dial(
        cls,
        host: str,
        target: Address,
        *,
        user: str = "caller",
        called: str = "bot",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Self:
        """Call the number or name `called` at `target`, from an address on `host`; returns when it has answered.
        `headers` are in the INVITE, too.

        Raises CallFailedError.
        """
        self: Self | None = None

        def on_event(event: Event) -> None:
            if self is not None:
                self._on_event(event)

        endpoint = await Endpoint.open(host, 0, on_event)
        self = cls(endpoint, MediaClock(), PortPool(20_000, 29_999, host))
        try:
            await self._invite(host, target, (user, called), headers)
        except BaseException:
            self._give_up()
            raise
        return self

    def _give_up(self) -> None:
        """Cancel the INVITE, so that the far end does not ring on."""
        if self._handle and not self.over.is_set():
            with suppress(LocalError):
                self._endpoint.do(Cancel(self._handle))
        self._endpoint.close()

    async def _invite(
        self, host: str, target: Address, users: tuple[str, str], headers: tuple[tuple[str, str], ...]
    ) -> None:
        pair = self._ports.acquire(monotonic())
        try:
            self._line = await self._connect(pair, host, target, users, headers)
        except BaseException:
            pair.release(monotonic())
            raise
        self._line.add_listener(audio=self.speech_meter.on_audio)
        self._line.start()

    async def _connect(
        self,
        pair: PortPair,
        host: str,
        target: Address,
        users: tuple[str, str],
        headers: tuple[tuple[str, str], ...],
    ) -> UdpLine:
        user, called = users
        offer = make_offer(LocalMedia(host, pair.port, 1, 1))
        own = self._endpoint.address
        invite = Invite(
            f"sip:{called}@{target}",
            offer,
            from_uri=f"sip:{user}@{own}",
            destination=target,
            headers=headers,
        )
        self._handle = self._endpoint.do(invite)
        answer = await self._answer
        try:
            audio = accept_answer(offer, answer)
        except RemoteError as error:
            raise CallFailedError(f"the SDP answer is unusable: {error}") from error
        config = rtp_config(audio, target.host)
        return UdpLine(pair, config, audio.codec, clock=self._clock)

    def _on_event(self, event: Event) -> None:
        match event:
            case CallAnswered(sdp=sdp):
                if not self._answer.done():  # done: cancelled meanwhile
                    self._answer.set_result(sdp or b"")
            case CallRejected(status=status, reason=reason):
                self.over.set()
                if not self._answer.done():
                    self._answer.set_exception(CallFailedError(f"the call was answered with {status} {reason}"))
            case CallEnded(cause=cause):
                self.over.set()
                if not self._answer.done():
                    self._answer.set_exception(CallFailedError(f"the call failed: {cause}"))

    @property
    def line(self) -> UdpLine:
        """The media. CallFailedError before the answer."""
        if self._line is None:
            raise CallFailedError("the call has not been answered")
        return self._line

    async def listen(self) -> None:
        """Wait until the bot has spoken."""
        self.run = await unless_over(self.speech_meter.silent(self.run), self.over)

    async def listen_for(self, seconds: float) -> None:
        """Wait until the bot has been speaking for so long."""
        self.run = await unless_over(self.speech_meter.speaking(seconds, self.run), self.over)

    async def say(self, pcm: bytes) -> None:
        """Say a recording; returns when its last sample has been sent."""
        done = asyncio.Event()
        self.speech_meter.interrupt()
        stop_listening = self.line.add_listener(drained=done.set)
        self.line.play(self.line.encode(pcm))
        await done.wait()
        stop_listening()

    def add_listener(self, on_audio: AudioHandler) -> None:
        """Call `on_audio` with what the caller hears from now on."""
        self.line.add_listener(audio=on_audio)

    def press(self, digits: str) -> None:
        self.line.send_dtmf(digits)

    async def press_by_info(self, digits: str) -> None:
        """Press keys by SIP INFO (application/dtmf-relay), one after the other."""
        for digit in digits:
            self._endpoint.do(SendKey(self._handle, digit, KEY_MS))
            await asyncio.sleep(INFO_S)

    def hang_up(self) -> None:
        """End the call and free everything. Idempotent."""
        if not self.over.is_set():
            self.over.set()
            self._endpoint.do(Bye(self._handle))
        if self._line is not None:
            self._line.close()
        self._clock.close()

    def close(self) -> None:
        """Close the signalling too. Give the far end a moment to answer the BYE first."""
        self.hang_up()
        self._endpoint.close()
