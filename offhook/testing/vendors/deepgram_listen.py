"""Deepgram's recognisers, one session a connection."""

from itertools import count

from websockets.asyncio.server import ServerConnection

from offhook.testing.vendors.deepgram_session import SOMEBODY_ELSES, Host, Session
from offhook.testing.vendors.script import TimedWord, Turn
from offhook.testing.vendors.server import Message, SessionLog, parsed

UPDATE_S = 0.25
"""Flux reports this often, in seconds of audio."""

EAGER_S, END_S = 0.2, 0.4
"""Silence after which Flux thinks that a turn is likely over, and over. The real one listens to the words."""


class ListenSession(Session):
    """Audio in, one of the script's texts for each turn."""

    def __init__(self, server: Host, connection: ServerConnection, log: SessionLog) -> None:
        super().__init__(server, connection, log)
        self.turn = Turn(server.script, self.rate_hz)
        self._partials = 0

    def next_turn(self) -> list[TimedWord]:
        """End the turn: its words."""
        words = self.turn.finish()
        self.turn = self.turn.following()
        return words

    def partial(self) -> list[TimedWord]:
        """The words so far."""
        self._partials += 1
        return [*self.server.shown(self.turn.shown_words(), self._partials)]

    async def audio(self, data: bytes) -> bool:
        """See Session."""
        self.log.audio += data
        pcm = self.decode(data)
        if len(pcm) % 2:
            return await self.refuse("half a sample")
        await self.heard(self.turn.push(pcm) is not None)
        return True

    async def heard(self, has_partial: bool) -> None:
        """Audio has been taken; there are new words or not."""
        raise NotImplementedError


class NovaSession(ListenSession):
    """/v1/listen."""

    async def command(self, data: str) -> bool:
        """See Session."""
        message = parsed(data) or {}
        self.log.messages.append(message)
        match message.get("type"):
            case "KeepAlive":
                return True
            case "Configure":
                await self.send({**message, "type": "ConfigureSuccess", "request_id": self.request_id})
                return True
            case "Finalize":
                await self._finalize()
                return True
            case "CloseStream":
                await self._results(self.next_turn(), self.turn.end_s, is_final=True)
                await self.send({**self._metadata(), "duration": self.turn.end_s})
                await self.connection.close(1000)
                return False
        return await self.refuse(f"the message {data[:60]!r} is unknown")

    async def heard(self, has_partial: bool) -> None:
        """See ListenSession."""
        if has_partial:
            await self._results(self.partial(), self.turn.end_s, is_final=False)
        pause = self.log.option("endpointing", "10")
        if pause != "false" and self.turn.silence_s >= int(pause) / 1000:
            began_s = self._began_s
            words = self.next_turn()
            await self._results(words, self.turn.end_s, is_final=True, speech_final=True, began_s=began_s)

    @property
    def _began_s(self) -> float:
        return self.turn.end_s - self.turn.seconds

    async def _finalize(self) -> None:
        if self.server.fault == "no-final" or not self.turn.seconds:
            return  # without audio Deepgram need not answer
        await self.server.late()
        began_s = self._began_s
        words = self.next_turn()
        if self.server.fault == "wrong-context":
            other = [TimedWord(SOMEBODY_ELSES, 0.0, began_s)]
            await self._results(other, began_s, is_final=True, finalizes=True, began_s=0.0)
        await self._results(words, self.turn.end_s, is_final=True, finalizes=True, began_s=began_s)

    async def _results(
        self,
        words: list[TimedWord],
        end_s: float,
        *,
        is_final: bool,
        speech_final: bool = False,
        finalizes: bool = False,
        began_s: float | None = None,
    ) -> None:
        start_s = self._began_s if began_s is None else began_s
        text = " ".join(word.text for word in words)
        alternative = {"transcript": text, "confidence": 0.97 if text else 0.0, "words": _words(words)}
        await self.send(
            {
                "type": "Results",
                "channel_index": [0, 1],
                "duration": end_s - start_s,
                "start": start_s,
                "is_final": is_final,
                "speech_final": speech_final,
                "from_finalize": finalizes,
                "channel": {"alternatives": [alternative]},
                "metadata": {
                    "request_id": self.request_id,
                    "model_uuid": "model",
                    "model_info": {"name": self.log.option("model"), "version": "1", "arch": "nova"},
                },
            }
        )

    def _metadata(self) -> Message:
        return {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": self.request_id,
            "sha256": "0" * 64,
            "created": "2026-01-01T00:00:00.000Z",
            "channels": 1,
        }


class FluxSession(ListenSession):
    """/v2/listen."""

    idle_s = 25.0

    def __init__(self, server: Host, connection: ServerConnection, log: SessionLog) -> None:
        super().__init__(server, connection, log)
        self._numbers = count()
        self._index = 0
        self._in_turn = False
        self._is_eager = False
        self._reported_s = 0.0
        self._thresholds = {
            "eot_threshold": float(log.option("eot_threshold", "0.7")),
            "eot_timeout_ms": int(log.option("eot_timeout_ms", "5000")),
        }
        if eager := log.option("eager_eot_threshold"):
            self._thresholds["eager_eot_threshold"] = float(eager)

    async def opened(self) -> None:
        """See Session."""
        number = next(self._numbers)
        await self.send({"type": "Connected", "request_id": self.request_id, "sequence_id": number})

    async def command(self, data: str) -> bool:
        """See Session."""
        message = parsed(data) or {}
        self.log.messages.append(message)
        match message.get("type"):
            case "ForceEndTurn":
                await self._force()
                return True
            case "Configure":
                self._thresholds |= message.get("thresholds", {})
                about = {"request_id": self.request_id, "sequence_id": next(self._numbers)}
                keyterms = message.get("keyterms", self.log.query.get("keyterm", []))
                now = {"thresholds": self._thresholds, "keyterms": keyterms}
                await self.send({"type": "ConfigureSuccess", **about, **now})
                return True
            case "CloseStream":
                await self.connection.close(1000)
                return False
        return await self.refuse(f"the message {data[:60]!r} is unknown")

    async def heard(self, has_partial: bool) -> None:
        """See ListenSession."""
        turn = self.turn
        if turn.heard_speech and not self._in_turn:
            self._in_turn = True
            await self._turn_info("StartOfTurn", self.partial())
        elif self._is_eager and turn.silence_s == 0:
            self._is_eager = False
            await self._turn_info("TurnResumed", self.partial())
        elif turn.end_s - self._reported_s >= UPDATE_S:
            await self._turn_info("Update", self.partial())
        if not self._in_turn:
            return
        ends_turns = self._thresholds["eot_threshold"] < 1.0
        is_eager = ends_turns and "eager_eot_threshold" in self._thresholds and turn.silence_s >= EAGER_S
        if is_eager and not self._is_eager:
            self._is_eager = True
            await self._turn_info("EagerEndOfTurn", turn.finish())
        if ends_turns and turn.silence_s >= END_S:
            await self._end("model")
        elif turn.silence_s >= self._thresholds["eot_timeout_ms"] / 1000:
            await self._end("timeout")

    async def _force(self) -> None:
        if not self._in_turn or self.server.fault == "no-final":
            return  # between two turns it is ignored
        await self.server.late()
        if self.server.fault == "wrong-context":
            other = [TimedWord(SOMEBODY_ELSES, 0.0, 0.01)]
            await self._turn_info("EndOfTurn", other, trigger="manual", end_s=0.01)
        await self._end("manual")

    async def _end(self, trigger: str) -> None:
        end_s = self.turn.end_s
        await self._turn_info("EndOfTurn", self.next_turn(), trigger=trigger, end_s=end_s)
        self._in_turn = self._is_eager = False
        self._index += 1

    async def _turn_info(
        self, event: str, words: list[TimedWord], *, trigger: str | None = None, end_s: float | None = None
    ) -> None:
        self._reported_s = self.turn.end_s
        message: Message = {
            "type": "TurnInfo",
            "request_id": self.request_id,
            "sequence_id": next(self._numbers),
            "event": event,
            "turn_index": self._index,
            "audio_window_start": self.turn.end_s - self.turn.seconds,
            "audio_window_end": self.turn.end_s if end_s is None else end_s,
            "transcript": " ".join(word.text for word in words),
            "words": _words(words),
            "end_of_turn_confidence": 0.9 if event == "EndOfTurn" else 0.1,
        }
        await self.send(message if trigger is None else {**message, "trigger": trigger})


def _words(words: list[TimedWord]) -> list[dict[str, object]]:
    return [
        {
            "word": word.text.lower(),
            "start": round(word.start_s, 3),
            "end": round(word.end_s, 3),
            "confidence": 0.97,
            "punctuated_word": word.text,
        }
        for word in words
    ]
