"""What a call may use of a model."""

import pytest

from offhook.llm.limits import CallLimits, Meter, Prices, estimated
from offhook.llm.model import Message, ModelRequest, Usage


def test_prices() -> None:
    usage = Usage(input=1_000_000, cached_input=400_000, output=100_000)
    assert Prices(2.0, 10.0, 0.5).cost(usage) == pytest.approx(1.2 + 0.2 + 1.0)
    assert Prices(2.0, 10.0).cost(usage) == pytest.approx(2.0 + 1.0)


@pytest.mark.parametrize(
    ("limits", "replies", "now", "over"),
    [
        (CallLimits(), 100, 1e9, None),
        (CallLimits(max_turns=3), 2, 0.0, None),
        (CallLimits(max_turns=3), 3, 0.0, "3 turns"),
        (CallLimits(max_tokens=300), 2, 0.0, None),
        (CallLimits(max_tokens=300), 3, 0.0, "300 tokens"),
        (CallLimits(max_cost=0.05), 4, 0.0, None),
        (CallLimits(max_cost=0.05), 5, 0.0, "a cost of 0.05"),
        (CallLimits(max_s=60), 0, 69.9, None),
        (CallLimits(max_s=60), 0, 70.0, "60 s"),
    ],
)
def test_limits(limits: CallLimits, replies: int, now: float, over: str | None) -> None:
    meter = Meter(limits, began_at=10.0)
    for _ in range(replies):
        meter.add(Usage(80, 40, 20), 0.01)
    assert meter.over(now) == over


def test_a_stopped_reply_is_estimated() -> None:
    request = ModelRequest((Message("system", "x" * 400), Message("user", "x" * 40)))
    assert estimated(request, "y" * 80) == Usage(110, 0, 20)
