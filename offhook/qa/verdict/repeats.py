"""A script that was run several times: its runs agree, or it is flaky, which is a mistake of the script, of the bot or
of the machine. Pure."""

from collections import Counter
from collections.abc import Sequence

from offhook.qa.verdict.judge import Deviation

FLAKY = "flaky"


def flaky(runs: Sequence[Sequence[Deviation]]) -> Deviation | None:
    """The findings of each run; one of its own where they are not of the same kinds."""
    outcomes = Counter(tuple(sorted({each.kind for each in findings})) for findings in runs)
    if len(outcomes) < 2:
        return None
    said = ", ".join(f"{count} times {' and '.join(kinds) or 'nothing'}" for kinds, count in outcomes.most_common())
    return Deviation(FLAKY, f"{len(runs)} runs of the same script disagree", f"found: {said}")
