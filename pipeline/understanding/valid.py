"""Values of a kind that have to satisfy a condition. Pure, if the condition is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from offhook.pipeline.events import DigitRule, KindWithGrammar, ValueKind
from offhook.pipeline.understanding.ambiguous import one_of, values_in
from offhook.pipeline.understanding.kinds import Date


@dataclass(frozen=True, slots=True)
class Valid:
    """The values of `kind` for which `holds` is true, such as account numbers with the right check digit; others are
    no answer. Of several readings of what was said the one that holds is taken."""

    kind: ValueKind
    holds: Callable[[object], bool] = field(compare=False)

    def read(self, text: str, language: str | None) -> object | None:
        """See ValueKind."""
        return self._valid(self.kind.read(text, language))

    def read_keys(self, digits: str) -> object | None:
        """See ValueKind."""
        return self._valid(self.kind.read_keys(digits))

    @property
    def keys(self) -> DigitRule | None:
        """See ValueKind."""
        return self.kind.keys

    def grammar(self, language: str | None) -> Mapping[str, str] | None:
        """See KindWithGrammar."""
        return self.kind.grammar(language) if isinstance(self.kind, KindWithGrammar) else None

    def say(self, value: object, language: str | None) -> str:
        """See ValueKind."""
        return self.kind.say(value, language)

    def _valid(self, read: object | None) -> object | None:
        return one_of([each for each in values_in(read) if self.holds(each)])


def on_day(kind: ValueKind | None, today: date) -> ValueKind | None:
    """A kind with today's date, if it needs that and has none of its own."""
    if isinstance(kind, Valid) and isinstance(kind.kind, Date):
        return replace(kind, kind=kind.kind.on(today))
    return kind.on(today) if isinstance(kind, Date) else kind


def plain_kind(kind: ValueKind | None) -> ValueKind | None:
    """A kind without its condition."""
    return plain_kind(kind.kind) if isinstance(kind, Valid) else kind
