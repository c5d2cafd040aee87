"""Reading rules for English on the phone: keys, amounts, dates, numbers, codes, addresses. Pure."""

from offhook.pipeline.tts.languages.english_amounts import MONEY_AND_UNIT_RULES, NUMBER_RULES
from offhook.pipeline.tts.languages.english_codes import code_rules, star_rules
from offhook.pipeline.tts.languages.english_numbers import digits_apart, letters_apart
from offhook.pipeline.tts.languages.english_times import time_rules
from offhook.pipeline.tts.languages.english_words import ADDRESS_RULES, WORD_RULES
from offhook.pipeline.tts.languages.rules import MARKUP, Rule
from offhook.pipeline.tts.languages.web import WebWords, web_rules

_WEB = WebWords(
    marks={
        ".": "dot",
        "@": "at",
        "/": "slash",
        "-": "dash",
        "_": "underscore",
        "+": "plus",
        "%": "percent",
        "?": "question mark",
        "=": "equals",
        "&": "and",
        "#": "hash",
        ":": "colon",
        "~": "tilde",
    },
    digits=digits_apart,
    letters=letters_apart,
)


def english(*, american: bool) -> tuple[Rule, ...]:
    """The rules, in the order in which they are tried."""
    return (
        *MARKUP,
        *web_rules(_WEB),
        *time_rules(month_first=american),
        *ADDRESS_RULES,
        *MONEY_AND_UNIT_RULES,
        *code_rules(hash_word="pound" if american else "hash"),
        *star_rules(),
        *WORD_RULES,
        *NUMBER_RULES,
    )
