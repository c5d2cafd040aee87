"""The fixed dialog that benchmarks talk to."""

from offhook.api.call import Call
from offhook.pipeline.events import DigitRule, Prompt, Question

BENCH_SENTENCE = "Thank you. Your request has been noted, and we will take care of it before the end of the day."


async def bench_dialog(call: Call) -> None:
    """A greeting, then the same sentence after any speech or DTMF, until the caller hangs up."""
    question = Question(digits=DigitRule(1, 1), no_input_ms=600_000)
    while True:
        await call.step(Prompt(BENCH_SENTENCE), question)
