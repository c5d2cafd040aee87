"""The floor with utterances that speech interrupts only by its words: see `Interruption`."""

from offhook.pipeline.events import EndpointPolicy
from offhook.pipeline.turn.debts import BotDebts
from offhook.pipeline.turn.machine import TurnSettings
from offhook.pipeline.turn.overlap import Overlap
from offhook.pipeline.turn.tables import Action, Floor, Move

DETECTED_WITHIN_S = 0.1  # the detector reports the end of speech so long after it


class Interruptions(BotDebts):
    """Decides whether the words of the caller interrupt the utterance that is paused for them."""

    def __init__(self, settings: TurnSettings, policy: EndpointPolicy) -> None:
        super().__init__(settings, policy)
        self.overlap: Overlap | None = None
        """Judges what the caller says over an utterance whose words decide; None: the rules alone do."""

    def _interrupts(self, text: str) -> bool:
        """Whether these words interrupt the utterance, which is paused for them."""
        overlap = self.overlap
        verdict = overlap.judge(text) if overlap is not None and text else None
        if verdict is not None:
            return verdict == "interrupt"
        if not self._state.has_words(text):
            return False
        return not self._state.is_back_channel(text) or (bool(text) and overlap is not None and overlap.asks())

    def _interrupt(self, now: float) -> None:
        if self._state.utterance is not None:
            self._state.utterance.wordless = False
        self._timers.pop(Action.ARM_RESUME, None)
        self._move(Move.WORDS, now)

    def _expect_resume(self, now: float) -> None:
        """In a pause after words that do not interrupt, the utterance goes on soon."""
        utterance = self._state.utterance
        if self.floor is Floor.PAUSING and utterance is not None and utterance.wordless and self._partial:
            due = self._ended_at + DETECTED_WITHIN_S + self.settings.wait_ms(Action.ARM_RESUME) / 1000
            self._arm(Action.ARM_RESUME, max(now, due))

    def _be_sure(self, now: float) -> None:
        """The caller has spoken for long: that is no back-channel, whatever is known of its words."""
        overlap = self.overlap
        if self.floor is not Floor.USER_TURN:
            return
        if self._partial and overlap is not None and overlap.judge(self._partial) == "continue":
            return
        if (due := self._sure_at()) > now:
            self._arm(Action.ARM_SURE, due)  # words have come meanwhile, and may be all of it
        else:
            self._interrupt(now)

    def _sure_at(self) -> float:
        """When speech has lasted for too long to wait for its words; for longer, if there are some."""
        utterance = self._state.utterance
        surely_s = (utterance.interruption.surely_ms if utterance else 0) / 1000
        return self._state.sound_at + surely_s * (2 if self._partial else 1)
