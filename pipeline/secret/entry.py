"""The entry of one secret by keys: when it is complete, and whether it can be right. Pure.

Theory of operation. Keys come at any time, the prompt is over at some time; from then on the first key is waited for.
The entry is over with the terminator, with as many digits as it can have, or when no further digit has come for
`inter_digit_ms`. The clear key begins it anew, once there is something to clear. An outcome is final; keys that come
behind it are not the entry's.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from offhook.pipeline.secret.card import MAX_CARD_DIGITS, MIN_CARD_DIGITS, is_card_number, lengths_of
from offhook.pipeline.secret.digits import SecretKeys

MAX_YEARS_AHEAD = 20
"""No card is valid for longer."""


class SecretKind(StrEnum):
    """What a secret is."""

    CARD = "card"
    EXPIRY = "expiry"
    CODE = "code"
    PIN = "pin"
    DIGITS = "digits"


DIGITS_OF: dict[SecretKind, tuple[int, int]] = {
    SecretKind.CARD: (MIN_CARD_DIGITS, MAX_CARD_DIGITS),
    SecretKind.EXPIRY: (4, 4),
    SecretKind.CODE: (3, 4),
    SecretKind.PIN: (4, 12),
    SecretKind.DIGITS: (1, MAX_CARD_DIGITS),
}
"""How many digits there are, the least and the most: an expiry is MMYY, a PIN has those of ISO 9564-1."""


class SecretOutcome(StrEnum):
    """What came of an entry."""

    ENTERED = "entered"
    NO_INPUT = "no_input"
    NO_MATCH = "no_match"


@dataclass(frozen=True, slots=True)
class SecretRule:
    """What is keyed, and how its entry ends; `terminator` and `clear` are a key each, or "" for none."""

    kind: SecretKind
    minimum: int
    maximum: int
    terminator: str = "#"
    clear: str = "*"
    no_input_ms: int = 8_000
    inter_digit_ms: int = 4_000


class SecretEntry:
    """One entry into `into`, which has to be empty. `today` is what an expiry is compared with."""

    def __init__(self, rule: SecretRule, into: SecretKeys, today: date) -> None:
        self._rule = rule
        self._into = into
        self._today = today
        self._due: float | None = None
        self.outcome: SecretOutcome | None = None
        self.more = 0
        """How many digits may still come: of an entry that was over without its terminator, and cannot be right."""

    @property
    def has_begun(self) -> bool:
        """Whether there is a digit of it, or it is over."""
        return self.outcome is not None or len(self._into) > 0

    def prompted(self, now: float) -> None:
        """The prompt is over: the first key is waited for, unless it has come."""
        if self.outcome is None and not len(self._into):
            self._due = now + self._rule.no_input_ms / 1_000

    def key(self, key: str, now: float) -> None:
        """A key has come."""
        rule, into = self._rule, self._into
        if self.outcome is not None:
            return
        if key == rule.clear and rule.clear:
            into.wipe()
            if self._due is not None:  # into the prompt, with nothing keyed, there is nothing to clear
                self._due = now + rule.no_input_ms / 1_000
        elif key == rule.terminator and rule.terminator:
            if len(into):  # one that ends nothing belongs to an entry that was complete without it
                self._end(terminated=True)
        elif key.isdigit():
            into.append(key)
            self._due = now + rule.inter_digit_ms / 1_000
            if self._is_complete():
                self._end()

    def get_timer(self) -> float | None:
        """When `handle_timer` is due."""
        return self._due

    def handle_timer(self, now: float) -> None:
        """That time may have come."""
        if self._due is None or now < self._due or self.outcome is not None:
            return
        if len(self._into):
            self._end()
        else:
            self.outcome, self._due = SecretOutcome.NO_INPUT, None

    def _is_complete(self) -> bool:
        most = self._rule.maximum
        if self._rule.kind is SecretKind.CARD:
            most = min(most, max(lengths_of(self._into.octets())))
        return len(self._into) >= most

    def _end(self, *, terminated: bool = False) -> None:
        self._due = None
        fits = self._rule.minimum <= len(self._into) <= self._rule.maximum and self._may_be_right()
        self.outcome = SecretOutcome.ENTERED if fits else SecretOutcome.NO_MATCH
        if not fits:
            self.more = 0 if terminated else max(0, self._rule.maximum - len(self._into))
            self._into.wipe()

    def _may_be_right(self) -> bool:
        octets = self._into.octets()
        match self._rule.kind:
            case SecretKind.CARD:
                return is_card_number(octets)
            case SecretKind.EXPIRY:
                return is_expiry(octets, self._today)
            case _:
                return True


def is_expiry(octets: memoryview, today: date) -> bool:
    """Whether they are a month and a year (MMYY) whose end has not passed, and that cards can have."""
    month, year = (int(bytes(octets[at : at + 2])) for at in (0, 2))
    ahead = 12 * (today.year // 100 * 100 + year - today.year) + month - today.month
    return 1 <= month <= 12 and 0 <= ahead <= 12 * MAX_YEARS_AHEAD
