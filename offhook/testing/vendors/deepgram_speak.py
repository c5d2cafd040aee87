"""Deepgram's voices, one session a connection."""

from collections import deque
from dataclasses import dataclass
from time import monotonic

from websockets.asyncio.server import ServerConnection

from offhook.testing.vendors.deepgram_session import Host, Session
from offhook.testing.vendors.server import Message, SessionLog, parsed
from offhook.testing.vendors.speaking import SpeakingContext
from offhook.testing.vendors.tone_speech import MS_PER_CHARACTER, speak

MAX_TEXT = 2_000
MAX_FLUSHES, WINDOW_S = 20, 60.0
VOICE_IDLE_S = 60.0


class SpeakSession(Session):
    """Texts in, tones out."""

    idle_s = VOICE_IDLE_S

    def __init__(self, server: Host, connection: ServerConnection, log: SessionLog) -> None:
        super().__init__(server, connection, log)
        self.text = ""
        self.speaking = self.new_context()

    def new_context(self) -> SpeakingContext:
        """Speaks what it is given, in order."""
        return SpeakingContext(self.server, self._emit, self.server.realtime_factor)

    async def command(self, data: str) -> bool:
        """See Session."""
        message = parsed(data) or {}
        self.log.messages.append(message)
        text = message.get("text")
        match message.get("type"):
            case "Speak" if isinstance(text, str) and len(text) <= MAX_TEXT:
                self.text += text
                return True
            case "Flush":
                await self.flush()
                return True
            case "Close":
                self.speaking.then(self._close)
                return True
        return await self.other(message) or await self.refuse(f"the message {data[:60]!r} is unknown")

    async def flush(self) -> None:
        """A text is complete."""
        raise NotImplementedError

    async def other(self, message: Message) -> bool:
        """Execute a command that only one of them has. Whether it has it."""
        raise NotImplementedError

    async def emitted(self, samples: int) -> None:
        """Audio has been sent."""

    async def _emit(self, text: str, start: int) -> None:
        pcm = speak(text, self.rate_hz)
        await self.connection.send(self.encode(pcm))
        await self.emitted(len(pcm) // 2)

    async def _close(self) -> None:
        await self.connection.close(1000)


class AuraSession(SpeakSession):
    """/v1/speak."""

    def __init__(self, server: Host, connection: ServerConnection, log: SessionLog) -> None:
        super().__init__(server, connection, log)
        self._flushes: deque[float] = deque()
        self._sequence = 0

    async def opened(self) -> None:
        """See Session."""
        about = {"model_name": self.log.option("model"), "model_version": "1", "model_uuid": "model"}
        await self.send({"type": "Metadata", "request_id": self.request_id, **about})

    async def flush(self) -> None:
        """See SpeakSession."""
        now = monotonic()
        while self._flushes and now - self._flushes[0] > WINDOW_S:
            self._flushes.popleft()
        if len(self._flushes) >= MAX_FLUSHES:
            self.server.violations.append("more than 20 flushes in a minute")
            why = "Too many Flush messages; wait for the 60-second window to pass."
            await self.send({"type": "Warning", "code": "DATA-0002", "description": why})
            return
        self._flushes.append(now)
        text, self.text = self.text, ""
        self.speaking.say(text)
        self.speaking.then(self._flushed)

    async def other(self, message: Message) -> bool:
        """See SpeakSession."""
        if message.get("type") != "Clear":
            return False
        self.text = ""
        self.speaking.cancel()
        if self.server.fault != "audio-after-cancel":
            self.speaking = self.new_context()
        self._sequence += 1
        await self.send({"type": "Cleared", "sequence_id": self._sequence})
        return True

    async def _flushed(self) -> None:
        if self.server.fault != "no-final":
            await self.send({"type": "Flushed", "sequence_id": self._sequence})
            self._sequence += 1


@dataclass(slots=True)
class _Spoken:
    """A turn. `start_ms` is its position in what was played; None: it has not begun."""

    number: int
    text: str
    start_ms: int | None = None
    sent_samples: int = 0
    is_over: bool = False

    @property
    def speech_id(self) -> str:
        return f"dg_sp_{self.number:012x}"


class FluxVoiceSession(SpeakSession):
    """/v2/speak. Its position counts what was played: a turn begins where the one before was played to."""

    def __init__(self, server: Host, connection: ServerConnection, log: SessionLog) -> None:
        super().__init__(server, connection, log)
        self._turns: list[_Spoken] = []
        self._active: _Spoken | None = None
        self._next_ms = 0
        self._interrupted_ms = -1

    async def opened(self) -> None:
        """See Session."""
        about = {"model_name": self.log.option("model"), "model_version": "1", "model_uuids": ["model"]}
        await self.send({"type": "Connected", "request_id": self.request_id, **about})

    async def flush(self) -> None:
        """See SpeakSession."""
        text, self.text = self.text, ""
        turn = _Spoken(len(self._turns), text)
        self._turns.append(turn)

        async def begin() -> None:
            self._active = turn
            turn.start_ms = self._next_ms
            await self.send({"type": "SpeechStarted", "speech_id": turn.speech_id})

        async def end() -> None:
            if turn.is_over:
                return  # interrupted, and spoken to its end all the same
            turn.is_over, self._active = True, None
            self._next_ms += self._ms(turn.sent_samples)
            if self.server.fault == "no-final":
                return
            if self.server.fault == "wrong-context":
                await self.send({"type": "SpeechMetadata", **self._about(turn), "speech_id": "dg_sp_another"})
            await self.send({"type": "SpeechMetadata", **self._about(turn)})

        self.speaking.then(begin)
        self.speaking.say(text)
        self.speaking.then(end)
        await self.send({"type": "Flushed", "speech_id": turn.speech_id})

    async def other(self, message: Message) -> bool:
        """See SpeakSession."""
        match message.get("type"):
            case "Interrupt":
                await self._interrupt(message)
                return True
            case "Configure":
                await self.send({"type": "ConfigureSuccess", "applied": {"speed": message.get("speed")}})
                return True
        return False

    async def emitted(self, samples: int) -> None:
        """See SpeakSession."""
        if self._active is not None:
            self._active.sent_samples += samples

    async def _interrupt(self, message: Message) -> None:
        active = self._active
        if not any(turn.sent_samples for turn in self._turns):
            await self._warn("NO_AUDIO_GENERATED", "The session has produced no audio yet.")
            return
        offset = message.get("playback_offset")
        if active is None and (offset is None or not self.server.answers_after_end):
            await self._warn("NO_ACTIVE_SPEECH", "There is no active turn.")
            return
        if offset is None:
            assert active is not None and active.start_ms is not None
            await self._cut(active, active.start_ms + self._ms(active.sent_samples), {})
            return
        value = int(offset["value"])
        if value <= self._interrupted_ms:
            await self._warn("INVALID_INTERRUPT_OFFSET", "The offset is not past the one before.")
            return
        begun = [turn for turn in self._turns if turn.start_ms is not None and turn.start_ms <= value]
        turn = begun[-1] if begun else self._turns[0]
        if value > (turn.start_ms or 0) + self._ms(turn.sent_samples):
            self.server.violations.append(
                f"{value} ms cannot have been played: {self._ms(turn.sent_samples)} were sent"
            )
        spoken = _heard(turn.text, value - (turn.start_ms or 0))
        rest = turn.text[len(spoken) :].strip()
        await self._cut(turn, value, {"text_spoken": spoken, "text_remaining": rest})

    async def _cut(self, turn: _Spoken, played_ms: int, split: Message) -> None:
        for each in self._turns:
            each.is_over = True
        self.speaking.cancel()
        if self.server.fault != "audio-after-cancel":
            self.speaking = self.new_context()
        self._active = None
        self._next_ms = self._interrupted_ms = played_ms
        about = self._about(turn)
        await self.send({"type": "SpeechInterrupted", "audio_played_ms": played_ms, **split, "metadata": about})

    def _about(self, turn: _Spoken) -> Message:
        return {
            "speech_id": turn.speech_id,
            "audio_duration_ms": self._ms(turn.sent_samples),
            "input_character_count": len(turn.text),
            "billable_character_count": len(turn.text),
            "controls_applied": {"pronunciations_applied": 0, "breaks_applied": 0, "pronunciation_warnings": 0},
        }

    def _ms(self, samples: int) -> int:
        return 1000 * samples // self.rate_hz

    async def _warn(self, code: str, why: str) -> None:
        await self.send({"type": "Warning", "code": code, "description": why})


def _heard(text: str, ms: int) -> str:
    """The words that have been spoken to their end after `ms`."""
    cut = ms // MS_PER_CHARACTER
    if cut >= len(text):
        return text
    return text[:cut] if text[cut : cut + 1].isspace() else text[: text.rfind(" ", 0, cut + 1) + 1].rstrip()
