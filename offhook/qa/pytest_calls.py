"""Calls in a test of pytest's: what the fixtures of `pytest_plugin` hand out."""

import asyncio
import json
import os
import shutil
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from offhook.cli.running_bot import RunningBot
from offhook.qa.bot import Bot
from offhook.qa.one_call import RunSettings
from offhook.qa.preflight import Run, check_run
from offhook.qa.result import Result
from offhook.qa.run import run_scripts
from offhook.qa.script.reading import load_script, parse_script
from offhook.qa.script.script import Script
from offhook.settings.config import Config
from offhook.usererror import UserError

SECTION = "offhook"
CALLED_BY = "--offhook-target HOST:PORT, --offhook-bot FILE, or `target` below `call`"
RECORDS_FROM = "--offhook-http HOST:PORT, the bot's pages; or --offhook-bot FILE"


@contextmanager
def started_bot(config: pytest.Config) -> Iterator[Bot | None]:
    """The bot of `--offhook-bot`, until the end; None without the option."""
    program, settings = _path(config, "bot"), _path(config, "config")
    if program is None:
        yield None
        return
    try:
        bot = Bot(program, settings, Config.load(settings).http.password)
    except UserError as error:
        raise _failed(error) from None
    with bot:
        yield bot


class CallPlacer:
    """Places the calls of one test, one after the other."""

    def __init__(self, item: pytest.Item, bot: Bot | str | None, folder: Path) -> None:
        """`bot` is what the fixture `offhook_bot` has; what is heard in a call that fails is kept below `folder`."""
        self._item = item
        self._bot = bot
        self._folder = folder
        self._count = 0

    def __call__(
        self,
        script: str | os.PathLike[str] | Sequence[str | Mapping[str, Any]],
        *,
        target: str | None = None,
        **keys: Any,
    ) -> Result:
        """Place a call, wait for its end, and judge it.

        `script` is a file, beside the test's own if the path is relative; or a list of steps, each as in a script's
        YAML: `{"press": "1"}`, `"press: '1'"` or `"hang_up"`. `keys` are the other keys of a script: `expect`, `call`,
        `line`, `prompts`, `http`, `name`, `seed`; its files are beside the test's. `target` goes before the options
        and before the script's own. Where the script cannot be read or run, the test fails with the reason.
        """
        self._count += 1
        try:
            result = self._run(self._script(script, keys), target)
        except UserError as error:
            raise _failed(error) from None
        self._item.add_report_section("call", SECTION, result.text())
        return result

    def _run(self, script: Script, target: str | None) -> Result:
        options = self._item.config
        settings = Config.load(_path(options, "config"))
        address, pages = self._called(target, settings)
        if not address and not script.call.target:
            why = f"{script.where} has no target, and none is given"
            raise UserError("nobody is called", why, CALLED_BY)
        check_run([script], settings, Run(address, has_records=pages is not None, records_from=RECORDS_FROM))
        heard = self._folder / f"heard-{self._count}"
        results: list[Result] = []
        run = RunSettings(address, pages, _path(options, "ca"), heard)
        _wait(run_scripts([script], settings, run, results.append))
        (result,) = results
        if result.passed:
            shutil.rmtree(heard, ignore_errors=True)
            return replace(result, notes=())
        if all(each.line is None for each in result.findings):
            return result
        step = 1 + int(result.details["call"]["steps_done"])
        return replace(result, notes=(*result.notes, f"it was step {step} of {len(script.steps)}"))

    def _called(self, target: str | None, settings: Config) -> tuple[str, RunningBot | None]:
        """Who is called (empty: whom the script names), and the pages that have the records."""
        bot, http = self._bot, _option(self._item.config, "http")
        usual = bot.sip if isinstance(bot, Bot) else bot
        address = target or _option(self._item.config, "target") or usual or ""
        if http is not None:
            return address, RunningBot(f"http://{http}", settings.http.password)
        is_ours = isinstance(bot, Bot) and any(each in address for each in (bot.sip, bot.sips, bot.stream) if each)
        return address, bot.http if isinstance(bot, Bot) and is_ours else None

    def _script(self, script: Any, keys: Mapping[str, Any]) -> Script:
        file = self._item.path
        if isinstance(script, str | os.PathLike):
            if keys:
                why = f"{', '.join(keys)} would be said twice: the file has them"
                raise UserError("a file takes no other keys", why, "a list of steps in place of the file")
            return load_script(file.parent / script)
        line = (self._item.location[1] or 0) + 1
        text = _yaml(script, {"name": self._item.name, **keys})
        try:
            read = parse_script(text.encode(), str(file))
        except UserError as error:
            # The positions are those of a text that the user has not written.
            raise UserError.of(replace(each, where=f"{file}:{line}") for each in error.problems) from None
        return replace(read, lines=(line,) * len(read.lines))


def _failed(error: UserError) -> BaseException:
    """A test's failure that shows what is wrong, and where, and no traceback of the kit's."""
    return pytest.fail.Exception(error.render(), pytrace=False)


def _yaml(steps: Sequence[str | Mapping[str, Any]], keys: Mapping[str, Any]) -> str:
    """A script. JSON is YAML; a step that is a text is a line of YAML. Raises UserError."""
    try:
        values = [f"{name}: {json.dumps(value)}" for name, value in keys.items()]
        lines = [f"- {each if isinstance(each, str) else json.dumps(each)}" for each in steps]
    except TypeError as error:
        todo = "texts, numbers, lists and dicts: `str(path)` for a path"
        raise UserError("the script cannot be read", str(error), todo) from error
    return "\n".join([*values, "steps:", *lines])


def _wait(work: Coroutine[Any, Any, None]) -> None:
    """Run it in a loop of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(work)
        return
    work.close()
    why = "the test is async, and a call would stop its event loop"
    raise UserError("the call cannot be placed", why, "`await asyncio.to_thread(offhook_call, …)`, or a test by `def`")


def _option(config: pytest.Config, name: str) -> str | None:
    """An option of the command line, else of the ini file."""
    return config.getoption(f"--offhook-{name}") or config.getini(f"offhook_{name}") or None


def _path(config: pytest.Config, name: str) -> Path | None:
    """An option that names a file: of the command line in the current folder, of the ini file beside it."""
    given, ini = config.getoption(f"--offhook-{name}"), config.getini(f"offhook_{name}")
    if given:
        return config.invocation_params.dir / str(given)
    return config.rootpath / str(ini) if ini else None
