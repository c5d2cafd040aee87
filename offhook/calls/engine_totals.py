"""What the engines did in one call, for its record. Pure."""

from collections import Counter

from offhook.pipeline.chain.spending import NOTHING, EngineUse, Outcome, Part, Spent


class EngineTotals:
    """Adds up uses, and remembers which recogniser answered last."""

    def __init__(self) -> None:
        self._spent: dict[tuple[Part, str], Spent] = {}
        self._outcomes: Counter[tuple[Part, str, Outcome]] = Counter()
        self._recogniser: str | None = None

    def add(self, use: EngineUse) -> None:
        """An engine's work is over."""
        key = use.part, use.engine
        self._spent[key] = self._spent.get(key, NOTHING) + use.spent
        self._outcomes[(*key, use.outcome)] += 1
        if use.part == "asr" and use.outcome is Outcome.ANSWERED:
            self._recogniser = use.engine

    def take_recogniser(self) -> str | None:
        """The recogniser of the turn that is over; None: none answered."""
        recogniser, self._recogniser = self._recogniser, None
        return recogniser

    def totals(self) -> tuple[dict[str, object], ...]:
        """As in the record."""
        return tuple(
            {
                "part": part,
                "engine": engine,
                "uses": {str(each): n for each in Outcome if (n := self._outcomes[part, engine, each])},
                "audio_s": round(spent.audio_s, 2),
                "characters": spent.characters,
                "cost": round(spent.cost, 6),
            }
            for (part, engine), spent in self._spent.items()
        )
