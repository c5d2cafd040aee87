"""Rules for languages without their own: markup is not read, long numbers are read digit by digit. Pure."""

import re

from offhook.pipeline.tts.languages.rules import MARKUP, NOTHING, Match, rule

MIN_SPELT_DIGITS = 5
_QUANTITY = re.compile(r"0{3}$")


def _apart(found: Match) -> str | None:
    digits = found.group()
    return None if _QUANTITY.search(digits) and digits[0] != "0" else " ".join(digits)


NEUTRAL = (
    *MARKUP,
    rule(r"(?<!\w)https?://(?=\w)", NOTHING, re.I),
    # Numbers with separators or signs (amounts, dates, times) are left to the voice.
    rule(
        rf"(?<![\w.,:/%+-])(?:0[0-9]{{2,63}}|[0-9]{{{MIN_SPELT_DIGITS},64}})(?![\w%°/]|[.,:-][0-9]|\s?[%$€£¥₹])",
        _apart,
    ),
)
