"""Set-up on a lossy network, the short version of `python -m bench.setup`: T1 is a tenth, and all timers with it."""

import pytest

from bench.setup import measure
from tests.rates import is_at_least

CALLS = 200


@pytest.mark.alone
async def test_calls_are_set_up_where_a_fifth_of_all_sip_is_lost() -> None:
    result = await measure(CALLS, 20.0, a_second=100.0, t1_s=0.05)
    assert is_at_least(result["set_up"], CALLS, 0.995), result
    up, down = result["relay"]["up"], result["relay"]["down"]
    assert min(up["lost"] / up["received"], down["lost"] / down["received"]) > 0.15
