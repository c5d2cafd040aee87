"""How many of PJSIP's calls callers may have."""

from typing import Any

import pytest

from offhook.carriers.pjsua2.room import most_callers
from offhook.settings.config import Config

QUEUE = {"queues": {"support": {"agents": ["desk"]}}, "transfer": {"targets": {"desk": "sip:200@192.0.2.7"}}}


@pytest.mark.parametrize(
    ("sections", "most_calls", "callers"),
    [
        ({}, 4, None),
        ({"outbound": {"token": "a-token-of-some-length"}}, 4, None),  # such a call connects nobody
        (QUEUE, 4, 3),
        (QUEUE, 512, 384),
        (QUEUE, 2, 1),
        (QUEUE, 1, None),
        ({"transfer": {"allow": ["+1555*"]}}, 4, 3),
        ({"transfer": {"targets": {"desk": "200"}}}, 9, 7),
    ],
)
def test_a_part_is_kept_where_callers_are_connected(
    sections: dict[str, Any], most_calls: int, callers: int | None
) -> None:
    assert most_callers(Config.model_validate(sections), most_calls) == callers
