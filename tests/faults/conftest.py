"""Bots for the faults, and the mark for those tests that take long."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import BotProcess
from tests.e2e.phone import Response

MEDIA_TIMEOUT_S = 2
OPTIONS = ("--bench-engines", "--workers", "1")


def bye_answer(bye: Response) -> bytes:
    """200 to the bot's BYE."""
    lines = [f"{name}: {bye.header(name)}" for name in ("Via", "From", "To", "Call-ID", "CSeq")]
    return ("\r\n".join(["SIP/2.0 200 OK", *lines, "Content-Length: 0"]) + "\r\n\r\n").encode()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: takes minutes: only with `pytest -m soak`, which `make soak` does")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "soak" in (config.getoption("-m") or ""):
        return
    for item in items:
        if item.get_closest_marker("soak") is not None:
            item.add_marker(pytest.mark.skip(reason="it takes minutes; type: make soak"))


@pytest.fixture
def start_bot(tmp_path: Path) -> Iterator[Callable[..., BotProcess]]:
    """Starts bots with one worker; what is still running at the end of the test is ended."""
    bots: list[BotProcess] = []

    def start(*options: str, command: list[str] | None = None, **settings: str) -> BotProcess:
        directory = tmp_path / f"bot{len(bots)}"
        directory.mkdir()
        more = () if command is not None else OPTIONS
        bots.append(BotProcess(directory, *more, *options, command=command, **settings))
        return bots[-1]

    yield start
    for bot in bots:
        bot.close()


@pytest.fixture(scope="package")
def patient_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """One bot for all that only call it."""
    bot = BotProcess(tmp_path_factory.mktemp("patient-bot"), *OPTIONS)
    yield bot
    bot.close()


@pytest.fixture(scope="package")
def impatient_bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """Another one, that bears only two seconds of silence."""
    seconds = str(MEDIA_TIMEOUT_S)
    bot = BotProcess(
        tmp_path_factory.mktemp("impatient-bot"),
        *OPTIONS,
        OFFHOOK_RTP__MEDIA_TIMEOUT_S=seconds,
        OFFHOOK_RTP__FIRST_MEDIA_TIMEOUT_S=seconds,
        OFFHOOK_CALLS__DEAD_AIR_S="0",
    )
    yield bot
    bot.close()
