"""The pytest plug-in (entry point `pytest11`): fixtures for calls in tests. docs/qa-pytest.md.

pytest imports this in every project of an environment that has offhook: nothing of the kit is loaded before a test
asks for a call.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from offhook.qa.bot import Bot
    from offhook.qa.pytest_calls import CallPlacer

OPTIONS = {
    "bot": ("FILE", "Start this flow (YAML) or bot (Python) for the tests that place calls."),
    "target": ("ADDRESS", "Call this: HOST:PORT, sip:USER@HOST:PORT, ws://HOST:PORT/PATH."),
    "http": ("HOST:PORT", "The pages of an offhook bot that runs, for its records."),
    "config": ("FILE", "Settings (TOML): the voice, the recogniser, those of the bot."),
    "ca": ("FILE", "Who signs the certificate of what is called, for TLS."),
}
"""Each is `--offhook-NAME`, and `offhook_NAME` in the ini file."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Hook: the options."""
    group = parser.getgroup("offhook", "calls (offhook)")
    for name, (value, about) in OPTIONS.items():
        group.addoption(f"--offhook-{name}", metavar=value, help=about)
        parser.addini(f"offhook_{name}", about)


@pytest.fixture(scope="session")
def offhook_bot(request: pytest.FixtureRequest) -> Iterator[Bot | str | None]:
    """The bot of `--offhook-bot`, started once and ended with the session; None without the option.

    A fixture of this name in a `conftest.py` replaces it: its value is an `offhook.qa.bot.Bot`, an address to call
    (str), or None.
    """
    from offhook.qa.pytest_calls import started_bot  # noqa: PLC0415  # only where there are calls

    with started_bot(request.config) as bot:
        yield bot


@pytest.fixture
def offhook_call(request: pytest.FixtureRequest, offhook_bot: Bot | str | None, tmp_path: Path) -> CallPlacer:
    """Places a call by a script, and returns its `offhook.qa.result.Result`: `offhook_call("hours.yaml")`, or
    `offhook_call([{"press": "1"}, …], expect={…})`."""
    from offhook.qa.pytest_calls import CallPlacer  # noqa: PLC0415  # as above

    return CallPlacer(request.node, offhook_bot, tmp_path)
