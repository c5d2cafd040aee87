"""The secrets of one call of a flow: taken where nothing else hears the keys, sent once, overwritten."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog

from offhook.api.call import Call
from offhook.pipeline.dialog.actions import Action, Fetch, HangUp, Instant, SecretTaken, Speak, TakeSecret
from offhook.pipeline.events import Answer
from offhook.pipeline.secret.digits import SecretKeys
from offhook.pipeline.secret.entry import SecretEntry, SecretOutcome
from offhook.pipeline.trace import SecretKeyed

SETTLE_S = 1.0
"""How long no key has come before anything but `take` hears the caller again: the last one may be pressed twice, and
its tone and its packets are under way for a while."""

AFTER_FAILURE_S = 3.0
"""The same after an entry that came to nothing, and counted from its end, too: who has paused in a number keys on."""

REST_S = 2.0
"""Keys that follow each other within this belong together."""

GRAIN_S = 0.001
"""Less is not waited: added to the loop's time it may be nothing."""


class FlowSecrets:
    """What a caller has keyed for `collect_secret`, and the shield over the call: up from before the first prompt, or
    the announcements that lead to it, until the flow goes on with something else than another secret or a request, and,
    where an entry came to nothing, what is said first.

    Keys that come before an entry, or behind one that was complete, belong to the next one; what is left of one that
    was over too early, and could not be right, to none. The times are those of the event loop; `now` is the time in
    the flow's zone, by which a card has expired.
    """

    def __init__(self, call: Call, now: Callable[[], datetime]) -> None:
        self._call = call
        self._now = now
        self._loop = asyncio.get_running_loop()
        self._kept: dict[str, SecretKeys] = {}
        self._ahead = SecretKeys()
        self._entry: SecretEntry | None = None
        self._keyed = asyncio.Event()
        self._shielded = False
        self._calm_from = float("-inf")  # the last key, or the end of an entry that came to nothing
        self._failed = False
        self._more, self._more_until = 0, float("-inf")  # keys of that entry that may still come

    async def take(self, action: TakeSecret) -> SecretTaken:
        """Say the prompt, which the first digit ends, and take what is keyed. Raises CallEnded."""
        call = self._call
        if not self._raised(action.step.name):
            return SecretTaken()
        kept = self._kept.setdefault(action.secret, SecretKeys())
        kept.wipe()
        entry = self._entry = SecretEntry(action.rule, kept, self._now().date())
        self._keyed.clear()
        while len(self._ahead) and entry.outcome is None:
            self._take(entry, self._ahead.take_first(), self._loop.time())
        with call.covering(False):
            speaking = asyncio.ensure_future(call.step(action.prompt, None))
            try:
                await call.until_ended(self._entered(entry, speaking))
            finally:
                self._entry = None
                await _stopped(speaking)
        assert entry.outcome is not None, "that is what was waited for"
        self._note_end(entry)
        call.report(SecretKeyed(str(action.rule.kind), str(entry.outcome), self._loop.time()))
        return SecretTaken(entry.outcome)

    async def before(self, action: Action, step: str, *, ahead: bool) -> None:
        """Before anything is done in `step`: let the caller be heard again, unless a secret may be keyed then. `ahead`:
        only announcements precede the next one. Raises CallEnded."""
        if ahead:
            self._raised(step)
            return
        goes_on = isinstance(action, TakeSecret | Fetch)
        goes_on = goes_on or (self._failed and isinstance(action, Speak | HangUp | Instant))
        if not goes_on:
            await self.lower()

    async def lower(self) -> None:
        """Let the caller be heard again, when no key has come for a while. Raises CallEnded."""
        if not self._shielded:
            return
        settle_s = AFTER_FAILURE_S if self._failed else SETTLE_S
        while (left_s := self._calm_from + settle_s - self._loop.time()) > 0:
            await self._call.until_ended(asyncio.sleep(max(left_s, GRAIN_S)))
        self._ahead.wipe()
        self._call.unshield()
        self._shielded = self._failed = False

    def of(self, action: Fetch) -> Mapping[str, SecretKeys] | None:
        """What a request sends, by its names there; None: something of it is gone already."""
        found = {name: self._kept.get(secret) for name, secret in action.secrets.items()}
        there = {name: keys for name, keys in found.items() if keys is not None and len(keys)}
        return there if len(there) == len(found) else None

    def wipe(self, action: Fetch | None = None) -> None:
        """Overwrite what a request has sent, or everything, as the call is over."""
        for secret in list(self._kept) if action is None else action.secrets.values():
            if (keys := self._kept.pop(secret, None)) is not None:
                keys.wipe()
        if action is None:
            self._ahead.wipe()

    def _raised(self, step: str) -> bool:
        if not self._shielded:
            why = self._call.shield(self._on_key)
            if why:
                log = structlog.get_logger("offhook.flow")
                log.warning("a secret was not asked for", call=self._call.id, step=step, why=why)
                return False
            self._shielded = True
            self._call.forget_unasked()  # what was keyed before was heard by others
        return True

    def _on_key(self, key: str, at_tick: int) -> None:
        now = self._calm_from = self._loop.time()
        if self._drops(key, now):
            return
        if self._entry is not None and self._entry.outcome is None:
            self._take(self._entry, key, now)
        else:
            self._ahead.append(key)
            self._keyed.set()

    def _take(self, entry: SecretEntry, key: str, now: float) -> None:
        entry.key(key, now)
        if entry.has_begun:  # a terminator behind what was complete without it, or a first star, cuts no prompt off
            self._keyed.set()

    def _note_end(self, entry: SecretEntry) -> None:
        """An entry is over; what has been keyed behind one that came to nothing was meant for it."""
        self._failed = entry.outcome is not SecretOutcome.ENTERED
        if not self._failed:
            return
        now = self._calm_from = self._loop.time()
        self._more, self._more_until = entry.more, now + REST_S
        while len(self._ahead):
            self._drops(self._ahead.take_first(), now)

    def _drops(self, key: str, now: float) -> bool:
        """Whether a key belongs to an entry that is over already: keyed without a pause, up to the terminator."""
        if not self._more or now >= self._more_until:
            self._more = 0
            return False
        self._more = self._more - 1 if key.isdigit() else 0
        self._more_until = now + REST_S
        return True

    async def _entered(self, entry: SecretEntry, speaking: "asyncio.Future[Answer]") -> None:
        prompted = False
        while entry.outcome is None:
            is_keyed = self._keyed.is_set()
            self._keyed.clear()  # before anything is awaited: a key that comes meanwhile may be the last one
            if is_keyed and not speaking.done():
                await _stopped(speaking)
            if speaking.done() and not prompted:
                prompted = True
                if not speaking.cancelled():
                    speaking.result()  # it may have failed
                entry.prompted(self._loop.time())
            due = entry.get_timer()
            left_s = None if due is None else max(due - self._loop.time(), GRAIN_S)
            key = asyncio.ensure_future(self._keyed.wait())
            waited: set[asyncio.Future[Any]] = {key} if speaking.done() else {key, speaking}
            try:
                await asyncio.wait(waited, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
            finally:
                key.cancel()
            entry.handle_timer(self._loop.time())


async def _stopped(speaking: "asyncio.Future[Answer]") -> None:
    """Say no more of the prompt; the next one can begin then."""
    speaking.cancel()
    await asyncio.wait((speaking,))
