"""The floor with the silence that the bot owes to end: see `silence_tables`."""

from offhook.pipeline.events import EndpointPolicy
from offhook.pipeline.turn.events import Stalled
from offhook.pipeline.turn.exchange import Detected
from offhook.pipeline.turn.keys import CallerKeys
from offhook.pipeline.turn.machine import Command, TurnSettings
from offhook.pipeline.turn.silence import SilenceWatch, Stage
from offhook.pipeline.turn.silence_tables import DebtAction
from offhook.pipeline.turn.tables import Action, Floor


class BotDebts(CallerKeys):
    """Notices when nobody speaks and the bot should."""

    def __init__(self, settings: TurnSettings, policy: EndpointPolicy) -> None:
        super().__init__(settings, policy)
        self._silence = SilenceWatch(self.settings.filler_ms / 1000, self.settings.fallback_ms / 1000)
        self._sounding = False  # audio of the utterance is on the line
        self._quiet_at: float | None = None  # when the bot's last sound ended
        self._owed_at = 0.0  # when the dialog said that it owes a reply
        self._owes: Stage | None = None  # while a question is open: a reply to the last answer, or its own prompt
        self._covers_dialog = False
        self._owes_greeting = False  # the bot has to speak first, and has neither yet nor left it to the caller

    def cover_dialog(self, covers: bool, now: float) -> None:
        """From now on a dialog without a word counts as stalled, as an engine does, or no longer."""
        self._covers_dialog = covers

    def owe_greeting(self, now: float) -> None:
        """The bot has to speak first."""
        self._owes_greeting = True

    def sounding(self, now: float) -> None:
        """Audio of the utterance is on the line."""
        self._sounding = True
        self._silence.pay(now)

    def fell_quiet(self, now: float) -> None:
        """The line has run dry, or was cleared."""
        self._sounding, self._quiet_at = False, now
        self._silence.fell_quiet(now)

    def owe(self, owed: bool, now: float) -> None:
        """The dialog is about to say something, though the caller may not have had a turn: as after a TurnOver, the
        silence is the bot's. `owed` false: it is not; the dialog covers it, or waits for the caller, who may be the one
        to speak first."""
        if not owed:
            self._owes, self._owes_greeting = None, False
        elif self._owes is None:
            self._owes, self._owed_at = "dialog", now

    def watch(self, now: float) -> None:
        """Notice whether the bot owes the caller a sound: to be called after everything that happens."""
        stage = self._owed()
        if stage is None:
            self._silence.pay(now)
            return
        self._quiet_at = now if self._quiet_at is None else self._quiet_at
        self._silence.owe(stage, max(self._quiet_at, self._ended_at, self._owed_at), now)

    @property
    def covers_dialog(self) -> bool:
        """Whether a dialog without a word counts as stalled, as an engine does."""
        return self._covers_dialog

    @property
    def caller_talks(self) -> bool:
        """Whether the caller speaks, for certain."""
        return self._state.speech is Detected.CONFIRMED

    @property
    def waits_for(self) -> Stage:
        """What the caller waits for, at FILL and STALL."""
        return self._silence.stage

    def _owed(self) -> Stage | None:
        """What the caller waits for, if nobody speaks and the bot should."""
        state = self._state
        if self.ignores_caller or self._sounding or state.talks():
            return None
        if self.floor is Floor.SPEAKING:
            return "voice"
        if self.floor is Floor.RECOGNISING:
            return "recogniser"
        if self.floor not in (Floor.IDLE, Floor.LISTENING, Floor.MAYBE_SPEECH):
            return None
        stage: Stage | None = "dialog" if self.floor is Floor.IDLE else self._owes
        return None if stage == "dialog" and not self._covers_dialog else stage

    def _end_silence(self, now: float) -> Stage | None:
        """Do what is due; returns the stage that is given up, if one is."""
        watch = self._silence
        if watch.due is not None and watch.due <= now and self._state.speech is not Detected.NONE:
            watch.postpone(now)
            return None
        if (action := watch.handle_timer(now)) is None:
            return None
        if action is DebtAction.FILL:
            self._outputs.append(Command(Action.FILL))
            return None
        self._outputs.append(Stalled(watch.stage, now - watch.quiet_since))
        self._outputs.append(Command(Action.STALL))
        return watch.stage
