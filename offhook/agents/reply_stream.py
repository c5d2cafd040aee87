"""One request to a model on its way: what comes is kept until it is read."""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from contextlib import aclosing, suppress
from copy import copy

from offhook.llm.limits import estimated
from offhook.llm.model import Ended, LanguageModel, ModelError, ModelEvent, ModelRequest, TextDelta, Usage
from offhook.pipeline.trace import GIVEN_UP, ModelAsked, ModelReplied, ModelWrote, SessionEvent

RETRY_S = 0.25
"""Until a request that failed is asked again, if the server does not say when."""

MAX_UNREAD = 2_000
"""Events that nobody reads, of a speculation or behind a filler; beyond it the model is too talkative for a phone."""

WRITES_EVERY_S = 0.1
"""How often the text so far is reported, for those who watch."""

MAX_TEXT_CHARS = 50_000
"""Of one reply: it ends there, whatever else comes."""

# Control bytes, marks that turn text round, and halves of surrogates, which no voice, vendor or file takes.
_ODD = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class ReplyStream:
    """The reply to `request`, from now on; `on_text` is called with its text as it comes.

    A request that fails before anything has come of it, by no fault of its own, is asked once more, if the server wants
    no more than `retry_within_s` of it from the first one on. `report` gets what becomes of both. `close` it, whatever
    happens.
    """

    def __init__(
        self,
        model: LanguageModel,
        request: ModelRequest,
        report: Callable[[SessionEvent], None],
        *,
        speculative: bool = False,
        on_text: Callable[[str], None] | None = None,
        retry_within_s: float = 0.0,
    ) -> None:
        self.request = request
        self.tokens = 0
        """Pieces of text so far."""
        self._model = model
        self._report = report
        self._on_text = on_text
        self._speculative = speculative
        self._on_first: Callable[[float], None] | None = None
        self._now = asyncio.get_running_loop().time
        self.asked_at = self.latest_at = self._asked_at = self._now()
        self._retry_until: float | None = self.asked_at + retry_within_s
        self.first_at: float | None = None
        self._text = ""
        self._ending: Ended | None = None
        self._wrote_at = float("-inf")
        self._error: ModelError | None = None
        self._reported = False
        self._unread: deque[ModelEvent] = deque()
        self._changed = asyncio.Event()
        self._ask()
        self._task = asyncio.ensure_future(self._pump())
        self._task.add_done_callback(_forget_cancelling)

    async def next(self, timeout_s: float) -> ModelEvent | None:
        """The next event; None if none comes in time. Raises ModelError."""
        if not self._unread and not self._task.done():
            self._changed.clear()
            try:
                async with asyncio.timeout(max(0.0, timeout_s)):
                    await self._changed.wait()
            except TimeoutError:
                return None
        if self._unread:
            return self._unread.popleft()
        if self._error is not None:
            raise copy(self._error)  # the traceback has us, who keep it
        raise ModelError(self._model.name, "away", "the reply broke off")

    def on_first(self, on_first: Callable[[float], None]) -> None:
        """Have `on_first` called with the time of the first event, at once if it is there."""
        if self.first_at is None:
            self._on_first = on_first
        else:
            on_first(self.first_at)

    @property
    def failed(self) -> bool:
        """Whether it has failed."""
        return self._error is not None

    def fail(self, error: ModelError) -> None:
        """What has not come by now is not waited for: unless it is complete, the reply has failed with `error`."""
        if self._ending is None and self._error is None:
            self._error = error
        self.close()

    def close(self) -> None:
        """End the request. Idempotent."""
        self._task.cancel()
        self._tell()

    async def closed(self) -> None:
        """Wait until the request has ended, after `close`."""
        await asyncio.wait((self._task,))

    def _ask(self) -> None:
        said = next((message.text for message in reversed(self.request.messages) if message.role == "user"), "")
        self._report(ModelAsked(self._model.name, said, self._asked_at, self._speculative))

    async def _pump(self) -> None:
        try:
            while (retry_s := await self._read()) is not None:
                await asyncio.sleep(retry_s)
                self._asked_at, self._reported = self._now(), False
                self._ask()
        finally:
            self._changed.set()
            self._tell()
            self._on_text = self._on_first = None  # nothing more comes

    async def _read(self) -> float | None:
        """One request, to its end. Returns when to ask again, in seconds; None: it has ended, or failed for good."""
        try:
            async with aclosing(self._model.stream(self.request)) as events:  # type: ignore[type-var]
                async for event in events:
                    self._take(event)
                    if self._ending is not None or len(self._unread) > MAX_UNREAD or len(self._text) >= MAX_TEXT_CHARS:
                        break
        except ModelError as error:
            if (retry_s := self._retry_s(error)) is not None:
                self._retry_until, self._reported = None, True
                self._report(self._replied(str(error), retried=True))
                return retry_s
            self._error = error
        except Exception as error:  # noqa: BLE001  # the model may be the user's: whatever its code raises
            self._error = ModelError(self._model.name, "away", f"{type(error).__name__}: {error}")
        return None

    def _retry_s(self, error: ModelError) -> float | None:
        """When the same request may succeed; None: never, or too late for the caller."""
        if error.kind not in ("away", "busy") or self.first_at is not None or self._retry_until is None:
            return None
        retry_s = RETRY_S if error.retry_after_s is None else error.retry_after_s
        return retry_s if self._now() + retry_s <= self._retry_until else None

    def _take(self, event: ModelEvent) -> None:
        self.latest_at = self._now()
        if self.first_at is None:
            self.first_at = self.latest_at
            if self._on_first is not None:
                self._on_first(self.first_at)
        if isinstance(event, TextDelta):
            event = TextDelta(_ODD.sub(" ", event.text[: MAX_TEXT_CHARS - len(self._text)]))
            self.tokens += 1
            self._text += event.text
            if self._on_text is not None:
                self._on_text(event.text)
            if self.latest_at - self._wrote_at >= WRITES_EVERY_S:
                self._wrote_at = self.latest_at
                self._report(ModelWrote(self._text, self._asked_at, self.latest_at))
        elif isinstance(event, Ended):
            self._ending = event
        self._unread.append(event)
        self._changed.set()

    def _tell(self) -> None:
        if self._reported:
            return
        self._reported = True
        self._report(self._replied("" if self._ending is not None else str(self._error or GIVEN_UP)))

    def _replied(self, error: str, *, retried: bool = False) -> ModelReplied:
        now, first, ending = self._now(), self.first_at, self._ending
        used = estimated(self.request, self._text) if first is not None else Usage()
        usage = used if ending is None else ending.usage
        return ModelReplied(
            (ending and ending.model) or self._model.name,
            self._text,
            None if first is None else first - self._asked_at,
            now - self._asked_at,
            now,
            usage.input,
            usage.cached_input,
            usage.output,
            0.0 if ending is None else ending.cost,
            error,
            retried,
        )


def _forget_cancelling(task: asyncio.Task[None]) -> None:
    if task.cancelled():
        with suppress(asyncio.CancelledError):
            task.exception()  # which it would keep, with what keeps the task
