"""Crawls an IVR: one call after the other, each as far as the explorer says."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from offhook.qa.caller.scripted_call import UNHEARD, Prepared, ScriptedCall, Transcribe
from offhook.qa.caller.sip_call import Signalling
from offhook.qa.crawl.explorer import Explorer
from offhook.qa.crawl.graph import Action, CrawlLimits, CrawlMap, Ending, Node
from offhook.qa.crawl.prompts import MAX_SOUNDS, PromptBook
from offhook.qa.crawl.runner import ChoosingRunner
from offhook.qa.crawl.suggestions import suggestions
from offhook.qa.script.script import CallSettings, Script
from offhook.qa.script.steps import Speech
from offhook.usererror import UserError

_ENDINGS = {"silent": Ending.SILENT, "endless": Ending.ENDLESS, "too_long": Ending.CUT}
"""What the failure of a step says of a call that is up."""

Speak = Callable[[str], Awaitable[bytes]]
"""What the caller says, as 8 kHz PCM. Raises UserError, EngineError."""


@dataclass(frozen=True, slots=True)
class CrawlSettings:
    """Whom to call, how, how far, and what to try after each prompt. `transcribe`: a recogniser, whose words name the
    prompts and suggest what else can be tried."""

    target: str
    call: CallSettings
    limits: CrawlLimits
    actions: Sequence[Action]
    authorities: Path | None = None
    transcribe: Transcribe | None = None


class CrawlCall(ScriptedCall):
    """A call of a crawl; `is_left`: the far end has hung up."""

    is_left = False

    def over(self) -> None:
        """The far end has ended the call."""
        self.is_left = True
        super().over()


class Crawler:
    """One crawl: `run`, and then `map` and `sounds`."""

    def __init__(self, settings: CrawlSettings, speak: Speak, show: Callable[[str], None]) -> None:
        """`show` gets a line for each call."""
        self._settings = settings
        self._speak = speak
        self._show = show
        self._book = PromptBook()
        self._texts: dict[int, str] = {}  # by sound
        self._explorer = Explorer(settings.actions, settings.limits, self._look)
        self._clips: dict[Speech, bytes] = {}
        self._call: CrawlCall | None = None
        self._calls = 0
        self._began_s = time.monotonic()
        self._stopped = self._unheard = ""

    async def run(self) -> None:
        """Call until nothing is left to try, or a limit is reached. Raises UserError, EngineError."""
        limits = self._settings.limits
        self._began_s = due_s = time.monotonic()
        while self._explorer.begin():
            begins_s = max(due_s, time.monotonic())
            if self._calls >= limits.calls:
                self._stopped = f"after {limits.calls} calls"
                return
            if len(self._book.sounds) >= MAX_SOUNDS:
                self._stopped = f"after {MAX_SOUNDS} sounds"
                return
            if begins_s - self._began_s >= limits.seconds:
                self._stopped = f"after {limits.seconds:g} s"
                return
            await asyncio.sleep(begins_s - time.monotonic())
            due_s = begins_s + 60 / limits.calls_per_minute
            await self._place()

    @property
    def map(self) -> CrawlMap:
        """What is known by now."""
        explorer = self._explorer
        seconds = time.monotonic() - self._began_s
        found = CrawlMap(self._settings.target, explorer.nodes, explorer.edges, explorer.paths(), self._calls, seconds)
        return replace(found, notes=tuple(self._notes()))

    @property
    def sounds(self) -> Mapping[int, bytes]:
        """What each node sounds like, by its number: 16-bit PCM at 8 kHz."""
        return {number: self._book.sounds[sound] for number, sound in self._explorer.sounds().items()}

    def _notes(self) -> Iterator[str]:
        explorer = self._explorer
        if self._stopped:
            yield f"the crawl stopped {self._stopped}: there is more to try"
        if len(explorer.nodes) >= self._settings.limits.nodes:
            yield f"the crawl stopped at {len(explorer.nodes)} prompts: perhaps one of them varies"
        if explorer.failed_calls:
            yield f"nothing was heard in the last {explorer.failed_calls} calls: {self._unheard}"
        if not self._stopped and (open_nodes := explorer.too_deep()):
            yield f"nothing was tried after {', '.join(each.name for each in open_nodes)}: `--depth` was reached"
        for node in explorer.nodes.values():
            if node.variants:
                yield f"{node.name}: another sound stood in its place {node.variants} times: a part of it varies"
        for tried in sorted(explorer.unsteady):
            yield f"n{tried.node}: {tried.action} had different results"
        for tried in explorer.given_up():
            yield f"n{tried.node}: {tried.action} could not be tried: the calls went another way"

    async def _place(self) -> None:
        """One call."""
        plan, known = self._explorer.plan, len(self._explorer.nodes)
        for tried in plan:
            speech = Speech(tried.action.what)
            if tried.action.kind == "say" and speech not in self._clips:
                self._clips[speech] = await self._speak(tried.action.what)
        self._calls += 1
        script = Script(f"call {self._calls}", (), call=self._settings.call)
        self._call = call = CrawlCall(script, Prepared(self._clips, {}, self._identify))
        call.runner = runner = ChoosingRunner(script, self._settings.limits.wait_s, self._choose)
        leg = await call.by_sip(self._settings.target, self._settings.authorities)
        how = self._ended(call, runner.acted_s, leg.signalling)
        new = [node.name for node in self._explorer.nodes.values() if node.number >= known]
        done = ", ".join(str(each.action) for each in plan) or "the first prompt"
        self._show(f"call {self._calls}: {done}: {how}{', new: ' + ', '.join(new) if new else ''}")

    def _ended(self, call: CrawlCall, acted_s: float, signalling: Signalling) -> str:
        """What the end of a call means, for people. Raises UserError."""
        failure, transfer_to = call.failure, signalling.transfer_to or ""
        if failure is not None and failure.kind == UNHEARD:
            raise UserError("the crawl cannot go on", failure.why, "leave `--suggested` out, or another `[asr] engine`")
        if signalling.answered_s is None:
            ending, about = Ending.REFUSED, signalling.why
        elif signalling.ended_by == "network":
            ending, about = Ending.LOST, signalling.why
        elif transfer_to:
            ending, about = Ending.TRANSFERRED, transfer_to
        elif call.is_left:
            ending, about = Ending.HUNG_UP, ""
        elif failure is not None:
            ending, about = _ENDINGS.get(failure.kind, Ending.CUT), ""
        else:
            return "known from here on"
        after_s = (signalling.ended_s or acted_s) - acted_s
        self._unheard = about or str(ending)
        self._explorer.ended(ending, about, after_s=after_s)
        return f"{ending} {about}".strip()

    def _choose(self, sound: str) -> Action | None:
        return self._explorer.heard(int(sound), is_up=self._call is not None and not self._call.is_left)

    def _look(self, node: Node, sound: int) -> None:
        node.text = self._texts.get(sound, "")
        node.suggested = suggestions(node.text)

    async def _identify(self, pcm: bytes) -> str:
        """As a recogniser whose words are the numbers of sounds."""
        is_ending = self._call is not None and self._call.is_left
        endings, known = self._explorer.endings(), len(self._book.sounds)
        sound = await asyncio.to_thread(self._book.number_of, pcm, endings=endings, is_ending=is_ending)
        if sound >= known and self._settings.transcribe is not None:
            self._texts[sound] = await self._settings.transcribe(pcm)
        return str(sound)
