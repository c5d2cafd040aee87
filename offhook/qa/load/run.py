"""Runs a load: begins calls by the schedule, counts those that are over, and shows how it goes."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from offhook.engines.requirements import require_installed
from offhook.private_file import make_folder
from offhook.process.os_limits import raise_descriptor_limit
from offhook.qa.caller.recogniser import Recogniser
from offhook.qa.caller.scripted_call import Prepared, Transcribe
from offhook.qa.load.analyst import Analyst
from offhook.qa.load.kept import OPTION, keep, notes_of
from offhook.qa.load.one_call import LoadCall
from offhook.qa.load.report import LoadReport, progress_line
from offhook.qa.load.schedule import Plan, Schedule
from offhook.qa.load.tally import Outcome, Tally
from offhook.qa.one_call import RunSettings, target_of
from offhook.qa.persona.prepared import Personas
from offhook.qa.run import Speakers, prepare
from offhook.qa.script.script import Script
from offhook.settings.config import Config
from offhook.usererror import Problem, UserError

DESCRIPTORS_A_CALL, DESCRIPTORS_RESERVED = 5, 64
"""RTP, RTCP, signalling; a connection and the name server's socket, where there are some."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how the load goes, and how often."""

    show: Callable[[str], None]
    every_s: float


async def run_load(
    scripts: Sequence[Script], config: Config, settings: RunSettings, plan: Plan, progress: Progress
) -> LoadReport:
    """Place the calls, the scripts in turn; SIGINT ends it sooner. Of `settings.save` see `kept`. Raises UserError,
    EngineError for what keeps all calls from being placed, before the first."""
    check_load(scripts, settings, plan)
    if settings.save is not None:
        make_folder(settings.save, OPTION)
    async with AsyncExitStack() as stack:
        prepared = await _prepared(scripts, config, stack)
        with Analyst() as analyst:
            return await _Load(scripts, prepared, settings, plan, analyst).run(progress)


def check_load(scripts: Sequence[Script], settings: RunSettings, plan: Plan) -> None:
    """Refuse what cannot be done many times at once. Raises UserError."""
    problems: list[Problem] = []
    for script in scripts:
        target_of(script, settings)
        if script.http is not None:
            why = f"its HTTP double has one port, {script.http.port}, and each call would need a double of its own"
            todo = "leave `http` and `requests` out, or `offhook qa run`, which places one call after the other"
            problems.append(Problem("a script cannot be run many times at once", why, todo, script.where))
    most = (raise_descriptor_limit() - DESCRIPTORS_RESERVED) // DESCRIPTORS_A_CALL
    if plan.at_once > most:
        why = f"this process may open so many files and sockets that {most} fit"
        what = f"{plan.at_once} calls at once are too many"
        problems.append(Problem(what, why, f"--at-once {most}, or `ulimit -n` with a larger number", "--at-once"))
    if problems:
        raise UserError.of(problems)


async def _prepared(scripts: Sequence[Script], config: Config, stack: AsyncExitStack) -> list[Prepared]:
    """What each script's calls share: what they say and what they know prompts by."""
    transcribe: Transcribe | None = None
    if any(script.needs_words for script in scripts):
        require_installed(config, tts=False)
        transcribe = (await stack.enter_async_context(Recogniser(config))).text
    async with AsyncExitStack() as voices:  # nobody speaks any more once all is prepared
        speakers, personas = Speakers(config, voices), Personas(config, False, stack)
        return [await prepare(each, speakers, transcribe if each.needs_words else None, personas) for each in scripts]


class _Load:
    def __init__(
        self,
        scripts: Sequence[Script],
        prepared: Sequence[Prepared],
        settings: RunSettings,
        plan: Plan,
        analyst: Analyst,
    ) -> None:
        self._scripts = scripts
        self._prepared = prepared
        self._settings = settings
        self._analyst = analyst
        self._schedule = Schedule(plan)
        self._running: dict[asyncio.Task[None], LoadCall] = {}
        self._changed = asyncio.Event()
        self._whole = Tally()
        self._by_script = [Tally() for _ in scripts]
        self._most_at_once = self._stopped = 0
        self._is_stopping = False
        self._began_s = time.monotonic()
        self._error: BaseException | None = None

    async def run(self, progress: Progress) -> LoadReport:
        """All calls, from the first to the end of the last."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, self._stop)
        shown = asyncio.create_task(self._show(progress))
        try:
            while self._error is None and not (self._schedule.over(self._now_s) and not self._running):
                while self._schedule.due(self._now_s, len(self._running)):
                    self._begin()
                    await asyncio.sleep(0)  # calls that go on come first
                await self._wait()
        finally:
            shown.cancel()
            loop.remove_signal_handler(signal.SIGINT)
            left = list(self._running)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
        if self._error is not None:
            raise self._error
        return LoadReport(
            self._scripts,
            self._whole,
            self._by_script,
            self._now_s,
            self._most_at_once,
            self._schedule.held_back,
            self._stopped,
            self._is_stopping,
        )

    @property
    def _now_s(self) -> float:
        return time.monotonic() - self._began_s

    def _begin(self) -> None:
        number = self._schedule.begun % len(self._scripts)
        one = LoadCall(self._scripts[number], self._prepared[number], self._settings)
        task = asyncio.create_task(self._place(one, number))
        self._running[task] = one
        task.add_done_callback(self._ended)
        self._most_at_once = max(self._most_at_once, len(self._running))
        self._schedule.placed(self._now_s)

    async def _place(self, one: LoadCall, number: int) -> None:
        outcome = await one.run(self._analyst)
        if one.is_stopped:
            self._stopped += 1
            return
        folder = self._settings.save
        news = self._whole.news(outcome.result)
        if news and folder is not None:
            outcome = replace(outcome, result=replace(outcome.result, notes=notes_of(folder, news[0])))
        self._add(outcome, number)
        if news and folder is not None:
            wall_s = time.time() - time.monotonic()
            await self._analyst.do(lambda: keep(folder, news[0], one, outcome.result, wall_s))

    def _add(self, outcome: Outcome, number: int) -> None:
        self._whole.add(outcome)
        self._by_script[number].add(outcome)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        if not task.cancelled():
            self._error = self._error or task.exception()
        self._changed.set()

    async def _wait(self) -> None:
        """Until a call has ended, the load is stopped, or a call may be due."""
        at_s = self._schedule.get_timer(self._now_s, len(self._running))
        self._changed.clear()
        if at_s is None and not self._running:
            return
        try:
            await asyncio.wait_for(self._changed.wait(), None if at_s is None else max(0.0, at_s - self._now_s))
        except TimeoutError:
            return

    def _stop(self) -> None:
        """No new calls, and those that are running hang up; a second time: they are left as they are."""
        self._schedule.stop()
        for task, one in list(self._running.items()):
            if self._is_stopping:
                task.cancel()
            else:
                one.stop()
        self._is_stopping = True
        self._changed.set()

    async def _show(self, progress: Progress) -> None:
        while True:
            await asyncio.sleep(progress.every_s)
            late_ms = [late for one in self._running.values() for late in one.lately_late_ms]
            progress.show(progress_line(self._whole, len(self._running), self._now_s, late_ms))
