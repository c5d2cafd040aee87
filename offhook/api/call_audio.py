"""A call's audio, for an agent that is recogniser and voice itself, such as a speech-to-speech model."""

from collections.abc import Callable

from offhook.api.utterance import Utterance
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.events import ANYTHING, Interruption
from offhook.pipeline.session import Session
from offhook.pipeline.trace import SessionEvent
from offhook.pipeline.turn.events import TurnEvent

OnAudio = Callable[[bytes], None]


class GivenUtterance(Utterance):
    """Something that the bot says in a voice of its own: `append_audio` adds audio, `append` its transcript."""

    def __init__(self, session: Session, utterance_id: int) -> None:
        super().__init__(session, utterance_id)
        self._audio_session = session

    def append_audio(self, payload: bytes) -> None:
        """More audio, in the line's encoding. Does nothing once the utterance is over."""
        self._audio_session.append_audio(self.id, payload)


class CallAudio:
    """The line's audio of one call: `encoding` (PCMU, PCMA, or another) at `line_rate_hz`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._line = session.line
        self.encoding = self._line.encoding
        self.line_rate_hz = self._line.rate_hz
        self.bytes_per_tick = self._line.bytes_per_tick
        """Bytes of payload for 1/8000 s."""
        self.turn_rate_hz = session.caller_rate_hz
        """Of the PCM that a recogniser of `recognise_by` gets: 8000 or 16000."""

    def encode(self, pcm: bytes, /) -> bytes:
        """16-bit mono PCM at `line_rate_hz` to payload."""
        return self._line.encode(pcm)

    def recognise_by(self, asr: AsrEngine) -> Callable[[], None]:
        """Give the caller's turns to `asr` from now on, as PCM at `turn_rate_hz`, instead of the bot's recogniser.

        Returns a function that gives them back.
        """
        return self._session.recognise_by(asr)

    def listen(self, on_audio: OnAudio) -> Callable[[], None]:
        """Give all of the caller's audio to `on_audio`, as 16-bit mono PCM at `line_rate_hz`, as it comes.

        On hold it is silence. Returns a function that ends it.
        """

        def pass_on(pcm: bytes, _at_tick: int, _at_s: float) -> None:
            on_audio(bytes(len(pcm)) if self._session.held else pcm)

        return self._line.add_listener(audio=pass_on)

    def listen_keys(self, on_key: Callable[[str], None]) -> Callable[[], None]:
        """Give each key that the caller presses to `on_key`. Returns a function that ends it."""
        return self._line.add_listener(dtmf=lambda key, _at_tick: on_key(key))

    @property
    def queued_ticks(self) -> int:
        """How much of the bot's audio waits to be sent, in 1/8000 s."""
        return self._line.queued_ticks

    @property
    def caller_talks(self) -> bool:
        """Whether the caller speaks, for certain."""
        return self._session.caller_talks

    def start_saying(self, given_by: str, interruption: Interruption = ANYTHING) -> GivenUtterance:
        """Begin an utterance whose audio is made by `given_by`, a name for the record. One at a time.

        Raises RuntimeError while another one is open, ValueError after the call.
        """
        return GivenUtterance(self._session, self._session.say("", interruption, complete=False, given_by=given_by))

    def subscribe(self, on_event: Callable[[TurnEvent], None]) -> Callable[[], None]:
        """Call `on_event` with every turn event, at once; it must return at once. Returns a function that ends it."""
        return self._session.subscribe(on_event)

    def report(self, event: SessionEvent) -> None:
        """Put an event on the call's record."""
        self._session.report(event)

    def transcribed(self, text: str, began_at: float, ended_at: float) -> None:
        """What the caller said in a turn whose TurnOver did not have the words, for the history and the record."""
        self._session.transcribed(text, began_at, ended_at)
