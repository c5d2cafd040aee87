"""Every document of the table, over a whole call in virtual time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from offhook.http_request import HttpRequest
from offhook.testing import run
from tests.offhook.twiml.page import GROUPS
from tests.offhook.twiml.table import Case, differences, played, sound

CASES = [(f"{name}-{number}", case) for name, cases in GROUPS.items() for number, case in enumerate(cases, 1)]


@pytest.fixture(autouse=True)
def _in_virtual_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in sockets and threads."""

    async def at_once(work: Callable[..., object], *arguments: object) -> object:
        return work(*arguments)

    monkeypatch.setattr(HttpRequest, "open", sound)
    monkeypatch.setattr(asyncio, "to_thread", at_once)


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_a_document(case: Case, tmp_path: Path) -> None:
    assert differences(case, run(played(case, tmp_path))) == []


def test_there_are_enough_of_them() -> None:
    made = [case for _, case in CASES if case.is_built]
    assert len(CASES) >= 120
    assert 2 * len(made) >= len(CASES), f"{len(made)} of {len(CASES)} by Twilio's builder"
