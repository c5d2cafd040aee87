"""The caller's keys (DTMF): typed ahead, being entered, and surplus keys after a complete entry. Pure."""

from collections import deque
from dataclasses import replace
from enum import StrEnum

from offhook.pipeline.dialog.digits import is_digits
from offhook.pipeline.events import Answer, AnswerKind, DigitRule, Question

MAX_TYPED_AHEAD = 32  # a longer run is a stuck key or a flood
SURPLUS_MS = 1_000  # between the keys of an entry that is too long; callers who hear the next prompt need longer
KEYS = frozenset("0123456789*#")
LEAST_AHEAD = 3
"""Surplus digits that can be the next entry, dialled ahead; fewer are slips."""

TERMINATOR = "#"  # what callers end an entry with who do not know how
TERMINATOR_MS = 2_500  # behind a choice


class Entry(StrEnum):
    """The effect of a key."""

    UNUSED = "unused"  # no question can use it
    MORE = "more"  # further keys may follow
    CLEARED = "cleared"  # what was typed is dropped
    COMPLETE = "complete"


class Keypad:
    """The keys of one call.

    An entry with the number of digits asked for is complete without its terminator, and so is the key of a menu that
    begins no longer one. A terminator typed all the same belongs to that entry, and so do digits beyond the maximum:
    neither is typed ahead for the next question, unless the digits are a whole entry of its own. That is known by their
    number where it takes one number of digits, otherwise by the terminator behind them; more than it takes are the rest
    of a longer number.
    """

    def __init__(self) -> None:
        self.typed_ahead: deque[tuple[str, float]] = deque(maxlen=MAX_TYPED_AHEAD)
        self.entered = ""
        self.began_at = 0.0
        """When the first key of the entry was pressed."""
        self._early = 0  # how many of the keys typed ahead are from before the question
        self._last_at = 0.0
        self._closed: DigitRule | None = None  # the entry that was completed by its length
        self._surplus: deque[tuple[str, float]] = deque(maxlen=MAX_TYPED_AHEAD)  # behind that
        self._begun = 0  # questions since then
        self._chosen_at: float | None = None  # when the key of a choice was pressed that nothing has followed

    def press(self, digit: str, now: float, question: Question | None) -> bool:
        """A key was pressed while `question` was open. False: it belongs to an entry that is already complete."""
        if self._ends_choice(digit, now, question):
            return False
        if self._is_surplus(digit, now):
            return self._release(question)
        if question is not None:
            self._surplus.clear()
        self.typed_ahead.append((digit, now))
        return True

    def begin(self, question: Question) -> None:
        """Another question."""
        self._begun += 1
        if self._begun > 1:
            self._surplus.clear()  # the question before had no use for them
        self._release(question)
        self.entered, self._early = "", len(self.typed_ahead)

    def take_back(self) -> None:
        """What has been entered of an answer is typed ahead again, for the question that replaces its own."""
        self.typed_ahead.extendleft((digit, self.began_at) for digit in reversed(self.entered))
        self.entered = ""

    def forget(self) -> None:
        """What no question has taken is dropped."""
        self.typed_ahead.clear()
        self._surplus.clear()

    def accept(self, question: Question) -> Entry:
        """Use the first key that was typed ahead."""
        digit, at = self.typed_ahead.popleft()
        early, self._early = self._early > 0, max(0, self._early - 1)
        if early and not self.entered and not can_begin(question, digit):
            return Entry.UNUSED  # it was meant for something else, so it is not a wrong answer
        rule = question.digits
        keys = [key for choice in question.choices for key in choice.keys]
        first = not self.entered
        if rule is not None and digit == rule.clear and self.entered:
            self.entered = ""
            return Entry.CLEARED
        if rule is not None and (digit == rule.terminator or is_digits(self.entered + digit)):
            outcome = self._enter_digit(digit, at, rule)
        elif keys:
            outcome = self._enter_choice(digit, at, keys)
        else:
            return Entry.UNUSED
        self._last_at = at
        if first:
            self.began_at = at
        return outcome

    def answer(self, question: Question) -> Answer:
        """The entry, as an answer."""
        return _answer(question, self.entered)

    def drop_surplus(self) -> None:
        """After an entry: keys typed ahead that belong to it are ahead no longer."""
        while self.typed_ahead and self._is_surplus(*self.typed_ahead[0]):
            self.typed_ahead.popleft()

    def _enter_digit(self, digit: str, at: float, rule: DigitRule) -> Entry:
        if digit == rule.terminator:
            return Entry.COMPLETE
        self.entered += digit
        if len(self.entered) < rule.maximum:
            return Entry.MORE
        self._closed, self._last_at, self._begun = rule, at, 0
        self._surplus.clear()
        return Entry.COMPLETE

    def _enter_choice(self, digit: str, at: float, keys: list[str]) -> Entry:
        entered = self.entered + digit
        if digit == TERMINATOR and self.entered in keys and not any(key.startswith(entered) for key in keys):
            self._chosen_at = None
            return Entry.COMPLETE  # the caller means none of the longer keys
        self.entered, self._chosen_at = entered, at if entered in keys else None
        longer = any(key.startswith(entered) and key != entered for key in keys)
        return Entry.MORE if longer else Entry.COMPLETE

    def _ends_choice(self, digit: str, now: float, question: Question | None) -> bool:
        """Whether it is a terminator right behind the key of a choice, which needs none, as nothing is entered."""
        chosen_at, self._chosen_at = self._chosen_at, None
        if chosen_at is None or digit != TERMINATOR or 1000 * (now - chosen_at) > TERMINATOR_MS:
            return False
        if question is not None and self.entered:
            return False  # a longer key was possible: it ends this one
        return not self.typed_ahead and (question is None or not can_begin(question, digit))

    def _is_surplus(self, digit: str, at: float) -> bool:
        rule = self._closed
        if rule is None:
            return False
        waited_ms = 1000 * (at - self._last_at)
        if digit == rule.terminator and waited_ms <= rule.inter_digit_ms:
            self._closed = None
            if self._surplus:
                self._surplus.append((digit, at))
            return True
        # A single digit is a menu: a key that follows at once is meant for the next one.
        if digit.isdigit() and rule.maximum > 1 and waited_ms <= min(SURPLUS_MS, rule.inter_digit_ms):
            self._last_at = at
            self._surplus.append((digit, at))
            return True
        self._closed = None
        return False

    def _release(self, question: Question | None) -> bool:
        """Whether the surplus keys are an entry of the question's: then they were typed ahead for it."""
        rule = None if question is None else question.digits
        digits = sum(digit.isdigit() for digit, _ in self._surplus)
        if rule is None or not max(rule.minimum, LEAST_AHEAD) <= digits <= rule.maximum:
            return False
        if rule.minimum < rule.maximum and self._surplus[-1][0].isdigit():
            return False  # more may follow, of a number that is longer than both entries
        self.typed_ahead.extendleft(reversed(self._surplus))
        self._surplus.clear()
        self._closed = None
        return True


def typed_entry(question: Question, line: str) -> Answer | None:
    """The answer by keys that a typed line gives; None if it is words.

    Enter completes it. The line may have spaces, and the terminator at its end.
    """
    keys, rule = "".join(line.split()), question.digits
    digits = keys.removesuffix(TERMINATOR if rule is None else rule.terminator)
    for entered in (keys, digits):
        if any(entered in choice.keys for choice in question.choices):
            return replace(_answer(question, entered), typed=True)
    is_entry = rule is not None and digits.isascii() and digits.isdigit()
    return replace(_answer(question, digits), typed=True) if is_entry else None


def is_keys(line: str) -> bool:
    """Whether a typed line has only keys in it. It may be a secret then, as keys are."""
    return not set("".join(line.split())) - KEYS


def _answer(question: Question, entered: str) -> Answer:
    choice = next((choice.name for choice in question.choices if entered in choice.keys), None)
    rule = question.digits
    fits = choice is not None or (rule is not None and rule.minimum <= len(entered) <= rule.maximum)
    value = question.value.read_keys(entered) if question.value is not None and fits and choice is None else None
    fits = fits and (question.value is None or choice is not None or value is not None)
    kind = AnswerKind.DTMF if fits and entered else AnswerKind.NO_MATCH
    return Answer(kind, choice=choice, digits=entered, value=value)


def can_begin(question: Question, digit: str) -> bool:
    """Whether an answer to the question may begin with this key."""
    if question.digits is not None and digit.isdigit():
        return True
    return any(key.startswith(digit) for choice in question.choices for key in choice.keys)


def inter_digit_ms(question: Question) -> int:
    """How long to wait for the next key of an entry."""
    return question.inter_digit_ms if question.digits is None else question.digits.inter_digit_ms
