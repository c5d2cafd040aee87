"""What `python -m bench.step_cost` counts."""

from bench.large_flows import large_flow
from bench.step_cost import FLOW, steps_ms
from offhook.settings.flow_file import parse_flow


def test_a_step_is_from_the_key_or_the_final_to_the_next_utterance() -> None:
    assert steps_ms({"marks_ms": {"speech-ended": 0.0, "answered": 0.4, "sent": 20.0}}) == ("keys", 0.4)
    spoken = {"speech-ended": 0.0, "turn-ended": 500.0, "transcribed": 500.5, "answered": 501.0}
    assert steps_ms({"marks_ms": spoken}) == ("words", 0.5)
    assert steps_ms({"marks_ms": {"speech-ended": 0.0, "turn-ended": 500.0}}) is None
    assert steps_ms({"marks_ms": {"speech-ended": 0.0, "turn-ended": 500.0, "answered": 510.0}}) is None


def test_the_flows_of_the_benchmarks_can_be_run() -> None:
    assert parse_flow(FLOW.encode(), "steps.yaml").start == "begin"
    assert len(parse_flow(large_flow(12), "large.yaml").steps) == 12
