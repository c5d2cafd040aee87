"""What tests of sessions share."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest


@pytest.fixture
async def nothing_is_lost() -> AsyncIterator[None]:
    """No exception is left unhandled, and no task running."""
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    before = asyncio.all_tasks()
    yield
    for _ in range(5):
        await asyncio.sleep(0)  # what was cancelled ends
    gc.collect()
    assert problems == []
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}
