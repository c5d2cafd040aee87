"""Watches the silence that the bot owes to end: runs the table of debts. Pure."""

from typing import Literal

from offhook.pipeline.turn.silence_tables import DEBTS, Debt, DebtAction, DebtMove

Stage = Literal["recogniser", "dialog", "voice"]
"""What the caller is waiting for."""

LEAST_WAIT_S = 0.3
"""From the moment at which a debt is noticed to its filler, however long it has been silent."""

LONGEST_S = 4.0
"""A filler is over by then, even if nobody says so."""


class SilenceWatch:
    """The debt of one call. A filler is due `filler_s` after the last sound (0: never), and so long after each filler
    the next one; the fallback `fallback_s` after the last sound that was no filler, at the latest."""

    def __init__(self, filler_s: float, fallback_s: float) -> None:
        self.debt = Debt.NONE
        self.stage: Stage = "dialog"
        """What is waited for, while something is owed."""
        self.quiet_since = 0.0
        """When the last sound ended, while something is owed."""
        self.due: float | None = None
        """When `handle_timer` wants to be called."""
        self._filler_s = filler_s
        self._fallback_s = fallback_s

    def owe(self, stage: Stage, quiet_since: float, now: float) -> None:
        """Nobody has spoken since `quiet_since`, and the bot should. Repeated calls only change the stage."""
        self.stage = stage
        if self.debt is Debt.NONE and self._filler_s:
            self.quiet_since = quiet_since
            self._move(DebtMove.OWE, now)

    def pay(self, now: float) -> None:
        """The bot owes nothing."""
        self._move(DebtMove.PAY, now)

    def postpone(self, now: float) -> None:
        """Something may be heard at the moment: wait with what is due."""
        self.due = now + LEAST_WAIT_S

    def fell_quiet(self, now: float) -> None:
        """A filler is over."""
        if self.debt in (Debt.FILLED, Debt.STALLED):
            due = now + self._filler_s
            fallback = self.quiet_since + self._fallback_s if self.debt is Debt.FILLED else due
            self.due = max(now + LEAST_WAIT_S, min(due, fallback))

    def handle_timer(self, now: float) -> DebtAction | None:
        """What is due: FILL, STALL or nothing."""
        if self.due is None or self.due > now:
            return None
        self.due = None
        return self._move(DebtMove.DUE, now)

    def _move(self, move: DebtMove, now: float) -> DebtAction | None:
        row = DEBTS.get((self.debt, move))
        if row is None:
            return None
        self.debt, actions = row
        said = None
        for action in actions:
            match action:
                case DebtAction.ARM_FILLER:
                    self.due = max(self.quiet_since + self._filler_s, now + LEAST_WAIT_S)
                case DebtAction.ARM_FALLBACK:
                    self.due = max(self.quiet_since + self._fallback_s, now + self._filler_s)
                case DebtAction.ARM_AGAIN:
                    self.due = now + LONGEST_S  # usually earlier, see `fell_quiet`
                case DebtAction.DISARM:
                    self.due = None
                case DebtAction.FILL | DebtAction.STALL:
                    said = action
        return said
