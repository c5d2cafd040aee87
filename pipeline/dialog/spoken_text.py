"""What is spoken of a value that a text of a flow has."""

import re
from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal

from offhook.pipeline.dialog.digits import apart, is_digits
from offhook.pipeline.dialog.limits import MAX_TEXT_CHARS
from offhook.pipeline.understanding.amounts import Money
from offhook.pipeline.understanding.recorded import recorded
from offhook.pipeline.understanding.written import written_amount, written_date, written_number, written_time
from offhook.pipeline.understanding.yes_no import written_yes_no

MAX_VALUE_CHARS = MAX_TEXT_CHARS
MAX_ITEMS = 100

_UNSPOKEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff<>]")
"""Control characters, halves of characters, and what would begin markup: servers send it, and voices may read it."""


def as_text(value: object, language: str | None) -> str:
    """A value for a voice in `language` (BCP 47): digits one by one, numbers, dates and amounts as they are read; of a
    text what is not a control character, up to MAX_VALUE_CHARS, of a list the first MAX_ITEMS, of an object nothing."""
    match value:
        case None | Mapping():
            return ""
        case bool():
            return written_yes_no(value, language)
        case int():
            return written_number(value, language)
        case Decimal():
            return written_number(Decimal(recorded(value)), language)  # 25.0 is 25
        case Money():
            return written_amount(value, language)
        case date():
            return written_date(value, language)
        case time():
            return written_time(value, language)
        case list() | tuple():
            return ", ".join(as_text(each, language) for each in value[:MAX_ITEMS])[:MAX_VALUE_CHARS]
        case str():
            return _spoken(value[:MAX_VALUE_CHARS])
        case _:
            return recorded(value)


def _spoken(text: str) -> str:
    return apart(text) if is_digits(text) else _UNSPOKEN.sub(" ", text)
