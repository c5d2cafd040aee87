"""How a queue works: values that its settings give."""

from dataclasses import dataclass
from typing import Literal

Strategy = Literal["ring_all", "round_robin", "longest_idle", "fewest_calls"]
WhenEmpty = Literal["leave", "wait"]

MAX_RUNG = 20
"""How many agents ring at once for a caller."""


@dataclass(frozen=True, slots=True)
class QueuePolicy:
    """`agents` by their names. An agent rings for `ring_s`, has `wrap_up_s` after a call, is left alone for `rest_s`
    where they did not answer, and is paused after `max_missed` of these in a row. At most `max_length` callers wait,
    for `max_wait_s`; `empty` says whether they wait where no agent is logged in ("wait") or not ("leave"). At most
    `max_call_backs` of them are to be called back: each `call_back_tries` times, `call_back_again_s` apart, and within
    `call_back_kept_s`.
    """

    agents: tuple[str, ...]
    strategy: Strategy = "longest_idle"
    ring_s: float = 20.0
    wrap_up_s: float = 10.0
    rest_s: float = 30.0
    max_missed: int = 3
    max_length: int = 50
    max_wait_s: float = 1_800.0
    empty: WhenEmpty = "leave"
    max_call_backs: int = 25
    call_back_tries: int = 3
    call_back_again_s: float = 300.0
    call_back_ring_s: float = 45.0
    call_back_kept_s: float = 14_400.0
