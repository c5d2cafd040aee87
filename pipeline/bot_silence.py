"""The silences that are the bot's: who owes the next words, and what is said in their place."""

from collections.abc import Callable

from offhook.pipeline.clock import Clock
from offhook.pipeline.closed import ignore
from offhook.pipeline.stopgap import Stopgap
from offhook.pipeline.turn.core import TurnCore
from offhook.pipeline.turn.tables import Action
from offhook.pipeline.turn_reports import stalled_stage
from offhook.pipeline.utterances import Utterances


class BotSilence:
    """Of one session; `settle(now)` is called with each change of what the core is to wait for."""

    def __init__(
        self,
        core: TurnCore,
        stopgap: Stopgap,
        utterances: Utterances,
        clock: Clock,
        settle: Callable[[float], None],
    ) -> None:
        self._core = core
        self._stopgap = stopgap
        self._utterances = utterances
        self._clock = clock
        self._settle = settle

    @property
    def covers_dialog(self) -> bool:
        """Whether a dialog that says nothing for too long is covered by fillers, as a slow engine is."""
        return self._core.covers_dialog

    @covers_dialog.setter
    def covers_dialog(self, covers: bool) -> None:
        if covers is self._core.covers_dialog:
            return
        now = self._clock.now()
        self._core.cover_dialog(covers, now)
        self._settle(now)

    def owe_reply(self, owed: bool = True, *, filled: bool = False) -> None:
        """The dialog is about to say something: until it does, the silence is the bot's, and covered as such. `owed`
        false: it is not, until the caller's next turn is over. `filled`: the dialog has just said a filler."""
        now = self._clock.now()
        if filled:
            self._stopgap.filled()
        self._core.owe(owed, now)
        self._settle(now)

    def filler(self, filler: str) -> str | None:
        """What to say in place of `filler`, with which the dialog ends a silence of its own: the settings' words, if
        there are any; None while nothing may be said."""
        return self._stopgap.instead_of(filler)

    def mute(self, muted: bool) -> None:
        """Say no fillers, as while a secret is taken; what stalls is still given up."""
        self._stopgap.muted = muted

    def end(self, action: Action) -> None:
        """The core wants a filler, or has given up on what the caller waits for."""
        stage = stalled_stage(self._core.waits_for, waits_for_text=self._utterances.waits_for_text)
        if action is Action.FILL:
            self._stopgap.fill(stage, apology=False)
            return
        if stage != "recogniser":  # its failure is an answer, which the dialog reacts to
            self._stopgap.fill(stage, apology=True)
        if stage == "voice":
            self._utterances.give_up("there was no audio for too long")

    def close(self) -> None:
        """The call is over."""
        self._settle = ignore
