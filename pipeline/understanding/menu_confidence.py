"""How sure it is that a choice was meant, by how much of what was said speaks for it. Pure.

The limits are those of 3,900 sentences of callers to 110 menus: of the choices that were certain before, and are asked
back now, a quarter were wrong.
"""

UNSURE = 0.55
"""Below the usual `asr.confirm_below`, so that the choice is asked back."""

LIKELY = 0.65
"""Above it."""

WHOLE_PHRASE = 0.9
"""From this confidence on a phrase was said as it is."""

MAX_STRANGE = 2
"""Other words beside the only one that evokes a choice: with two of them 89 % were right, with more 77 %."""

MIN_LEAD, RIVAL = 0.25, 0.6
"""Of two choices that were both named, the better one's score, and the other's: 80 % were right with less of a lead."""


def confidence_of(
    confidence: float, *, named: bool, shared: bool, explained: int, strange: int, score: float, rival: float
) -> float:
    """The confidence in a choice, which was `named` by a word of its own or else evoked.

    `shared`: other choices have the words by which it was named. `explained` words of what was said speak for it, and
    `strange` ones say something else; `score` is how well it fits, and `rival` how well the next best does.
    """
    if confidence >= WHOLE_PHRASE:
        return confidence
    if not named:
        if explained <= 1 and strange > MAX_STRANGE:
            return min(confidence, UNSURE)
        if not rival and (explained > 1 or (explained and strange <= 1)):  # 98 % were right
            return max(confidence, LIKELY)
    is_close = rival >= RIVAL and score - rival < MIN_LEAD
    return min(confidence, UNSURE) if is_close or (shared and strange) else confidence
