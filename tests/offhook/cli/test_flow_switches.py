"""`offhook flow set` and `get`, of a bot that runs."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offhook.api.flow_dialog import flow_dialog
from offhook.cli.flow_switches import time_in
from offhook.cli.main import app
from offhook.process.local_bot import LocalBot
from offhook.settings.config import Config
from offhook.settings.flow_file import parse_flow
from offhook.usererror import UserError
from tests.offhook.bots import LIGHT_ENGINES

FLOW = b"""
name: shop
start: bye
switches: {emergency: {means: Closed at once.}}
steps: {bye: {if: switches.emergency, then: closed, else: open}, open: {hang_up: Open.}, closed: {hang_up: Closed.}}
"""
NOW = datetime(2026, 12, 24, 12, 30, tzinfo=UTC)


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[LocalBot]:
    sections: dict[str, dict[str, object]] = {
        "sip": {"host": "127.0.0.1", "port": 0},
        "http": {"host": "127.0.0.1", "port": 0},
        **LIGHT_ENGINES,
        "records": {"dir": tmp_path},
    }
    one = LocalBot(Config.load(None, sections), flow_dialog(parse_flow(FLOW, "f.yaml")))
    await one.start()
    yield one
    await one.stop()


async def offhook(bot: LocalBot, *arguments: str) -> Result:
    assert bot.http_address is not None
    http = "{}:{}".format(*bot.http_address)
    return await asyncio.to_thread(CliRunner().invoke, app, ["flow", *arguments, "--http", http])


async def test_a_switch_is_set_and_shown(bot: LocalBot) -> None:
    assert (await offhook(bot, "get")).stdout == "emergency: off, or on: Closed at once.\n"
    done = await offhook(bot, "set", "emergency", "on", "--until", "2h")
    assert done.exit_code == 0 and "\nemergency: on (set at " in f"\n{done.stdout}" and ", until " in done.stdout
    (shown,) = json.loads((await offhook(bot, "get", "--json")).stdout)
    assert shown["value"] == "on" and shown["set_by"].endswith("127.0.0.1")
    assert (await offhook(bot, "get", "emergency")).stdout.startswith("emergency: on (")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("set", "emergncy", "on"), "there is no switch `emergncy`"),
        (("get", "emergncy"), "there is no switch `emergncy`"),
        (("set", "emergency", "maybe"), "`emergency` is never `maybe`"),
        (("set", "emergency", "on", "--until", "soon"), "`soon` is no time"),
        (("set", "emergency", "on", "--until", "2020-01-01"), "`emergency` cannot be set until then"),
    ],
)
async def test_what_cannot_be_set(bot: LocalBot, arguments: tuple[str, ...], what: str) -> None:
    refused = await offhook(bot, *arguments)
    assert isinstance(refused.exception, UserError) and refused.exception.problems[0].what == what


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("18:00", NOW.replace(hour=18, minute=0)),
        ("9:15", NOW.replace(day=25, hour=9, minute=15)),
        ("90m", NOW + timedelta(minutes=90)),
        ("2 h", NOW + timedelta(hours=2)),
        ("3d", NOW + timedelta(days=3)),
        ("2026-12-31T10:00:00+00:00", datetime(2026, 12, 31, 10, tzinfo=UTC)),
    ],
)
def test_times(text: str, then: datetime) -> None:
    assert time_in(text, NOW) == then


@pytest.mark.parametrize("text", ["", "25:00", "12:60", "tomorrow", "2h30", "-2h", "١٨:٠٠"])
def test_no_times(text: str) -> None:
    with pytest.raises(UserError, match="is no time"):
        time_in(text, NOW)
