"""A process that delivers events is killed, and nothing is lost, swapped or sent twice under two ids."""

import pytest

from bench.outbox import measure


@pytest.mark.real_time
async def test_nothing_is_lost_by_a_process_that_is_killed() -> None:
    found = await measure(events=300, kills=3)
    assert found.missed == () and found.events >= 300
    assert found.requests > found.events  # half of them failed
