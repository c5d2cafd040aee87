"""Who is called by `offhook qa run` and `offhook qa load`: a bot that is started for it, or one that is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from offhook.cli.running_bot import RunningBot
from offhook.qa.bot import Bot
from offhook.qa.script.script import is_stream
from offhook.settings.config import Config
from offhook.usererror import UserError


class Options(NamedTuple):
    """The options of these names."""

    target: str | None
    bot: Path | None
    http: str | None
    stream: bool
    config: Path | None


class Called(NamedTuple):
    """Its address (empty: each script names its own), and the pages that have the records, if there are some."""

    target: str
    pages: RunningBot | None


@contextmanager
def called(given: Options, settings: Config) -> Iterator[Called]:
    """The bot of `--bot` runs meanwhile. Raises UserError."""
    password = settings.http.password
    pages = None if given.http is None else RunningBot(f"http://{given.http}", password)
    if given.bot is None:
        yield Called(_checked(given.target or "", given.stream), pages)
        return
    with Bot(given.bot, given.config, password) as bot:
        target = given.target or (bot.stream if given.stream else bot.sip)
        yield Called(_checked(target, given.stream), bot.http)


def _checked(target: str, over_stream: bool) -> str:
    if over_stream and not is_stream(target):
        todo = "--target ws://127.0.0.1:8080/twilio/media, or --bot FILE"
        raise UserError("there is no stream to call", f"{target or 'nothing'} is no WebSocket", todo, "--stream")
    return target
