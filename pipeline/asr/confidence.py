"""Which confidence of a recogniser is enough: to accept an answer, to confirm it, or to ask again.

`python -m bench.hearing --calibrate` measures both for an engine: an answer is accepted where at most one in twenty
utterances that answer nothing would be, and worth a confirmation where at least half of the answers are right.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From `accept` on an answer is taken; from `confirm` on the caller is asked whether it is right; below it, the
    question is asked again. Both 0 to 1, `confirm` <= `accept`."""

    accept: float
    confirm: float


DEFAULT = Thresholds(accept=0.5, confirm=0.3)
"""For engines that nobody has measured here."""

BY_ENGINE: Mapping[str, Thresholds] = MappingProxyType({"pocketsphinx": Thresholds(accept=0.5, confirm=0.3)})


def thresholds_of(engine: str) -> Thresholds:
    """The measured thresholds of an engine, by its name in the settings; DEFAULT for others."""
    return BY_ENGINE.get(engine, DEFAULT)
