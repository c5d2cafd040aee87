"""How often the embedded recogniser gets the value of an answer: voices that speak for no bot, over a phone line."""

import asyncio
import zlib
from datetime import date

import numpy as np
import pytest

from bench.hearing.channels import CHANNELS, Line
from bench.hearing.engines import recognise
from bench.hearing.runs import background
from bench.phone_line import is_installed, speak
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.asr.grammar import question_grammar
from offhook.pipeline.events import Question, ValueKind
from offhook.pipeline.understanding.kinds import Amount, Date, Digits, Number, Spelling, Time, TimeRange, YesNo
from tests.pocketsphinx_engine import patient_pocketsphinx
from tests.rates import is_at_least, is_at_most

VOICES = ("flite:slt", "espeak:en-gb", "flite:awb", "espeak:en-us+f3")
LINES = ("mu-law", "loss 1 %", "A-law")
THRESHOLD = 0.5
"""The default of asr.min_confidence."""

TODAY = date(2026, 11, 29)
SAID: tuple[tuple[ValueKind, str], ...] = (
    (Date(TODAY), "next thursday | the fourth of june | january the twentieth | on monday please | july second"),
    (Date(TODAY), "in three weeks"),
    (Date(TODAY, past=True), "july second nineteen eighty seven | the fifth of april two thousand and three"),
    (Time(), "five thirty | half past eight | nine o'clock in the morning | six fifteen p m | twenty past four"),
    (TimeRange(), "between three and five | from eight to noon"),
    (Number(1, 20), "three | for five people | eight | nineteen | ten please"),
    (Number(), "four hundred and seven | two thousand six hundred | eighty three"),
    (Amount("USD"), "thirty dollars | eighteen dollars and fifty cents | two thousand dollars"),
    (Digits(4, 4), "two seven nine four | eight oh one three"),
    (Spelling(digits=False), "sierra mike india tango hotel | kilo echo lima lima yankee | papa oscar tango"),
    (Spelling(digits=False), "s as in sam m as in mary i as in ida | p for peter o for orange t for tom"),
    (YesNo(), "yes | no | yes please | no thanks | yep | definitely | i don't think so"),
)  # fmt: skip

pytestmark = pytest.mark.peer


def test_values_are_heard() -> None:
    if not all(map(is_installed, VOICES)):
        pytest.skip("flite and espeak-ng are not installed (make peers)")
    right, wrong, others, missed = asyncio.run(judged())
    count = right + wrong + len(missed)
    assert count == 160
    assert is_at_least(right, count, 0.82), missed
    assert is_at_most(wrong, count, 0.08)
    assert is_at_most(others, len(OTHERS) * len(SAID), 0.08)


OTHERS = ("where is the nearest car park", "can you hear me", "the weather has been lovely", "is anybody there")
"""No answer to any of the questions."""


async def judged() -> tuple[int, int, int, list[str]]:
    """The values that were right and wrong, other sentences that were taken for one, and what was not taken."""
    right = wrong = others = 0
    missed: list[str] = []
    line = Line(background())
    async with patient_pocketsphinx() as engine:

        async def heard(kind: ValueKind, voice: str, text: str) -> object | None:
            request = AsrRequest(question_grammar(Question(value=kind, language="en")), (), "en")
            seed = zlib.crc32(f"{voice}{text}".encode())
            channel = CHANNELS[LINES[seed % len(LINES)]]
            spoken = line.carry(speak(voice, text).astype(float), channel, np.random.default_rng(seed))
            turn = await recognise(engine, spoken, request)
            assert not turn.error
            sure = (turn.transcript.confidence or 0.0) >= THRESHOLD
            return kind.read(turn.transcript.text, "en") if sure else None

        for kind, texts in SAID:
            for voice in VOICES:
                for text in texts.split(" | "):
                    value = await heard(kind, voice, text)
                    right += value == kind.read(text, "en")
                    wrong += value not in (None, kind.read(text, "en"))
                    missed += [f"{voice}: {text}"] if value is None else []
            for text in OTHERS:
                others += await heard(kind, VOICES[0], text) is not None
    return right, wrong, others, missed
