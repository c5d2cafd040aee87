"""A reply that is begun when the caller's turn is likely over, and thrown away when it was not."""

import re
from collections.abc import Callable

from offhook.agents.reply_stream import ReplyStream
from offhook.llm.model import LanguageModel, Message, ModelRequest
from offhook.pipeline.clauses import ClauseSplitter
from offhook.pipeline.trace import SessionEvent, Speculated

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_HESITATIONS = frozenset(["uh", "um", "uhm", "er", "erm", "hm", "hmm", "mm", "mhm", "ah", "äh", "ähm", "öh", "euh"])


def normalised(text: str) -> tuple[str, ...]:
    """The words that matter: case, punctuation and hesitations do not."""
    return tuple(word for word in _WORD.findall(text.lower()) if word not in _HESITATIONS)


class Speculation:
    """A request on its way, for a turn that may go on. `prepare` gets the first clause of the reply, and "" when it is
    thrown away."""

    def __init__(
        self,
        model: LanguageModel,
        request: ModelRequest,
        report: Callable[[SessionEvent], None],
        prepare: Callable[[str], None],
        language: str,
        retry_within_s: float = 0.0,
    ) -> None:
        self._report = report
        self._prepare = prepare
        self._has_prepared = False
        self._splitter: ClauseSplitter | None = ClauseSplitter(language, is_written=True)
        self._stream = ReplyStream(
            model, request, report, speculative=True, on_text=self._on_text, retry_within_s=retry_within_s
        )

    def fits(self, request: ModelRequest) -> bool:
        """Whether its reply is one to `request`: the same, but for how the caller's words are written."""
        return not self._stream.failed and _key(self._stream.request) == _key(request)

    def commit(self, now: float) -> ReplyStream:
        """The turn is over, and the words are the same: its reply counts."""
        stream = self._stream
        ahead_s = now - stream.asked_at
        saved_s = ahead_s if stream.first_at is None else min(ahead_s, stream.first_at - stream.asked_at)
        self._splitter = None
        self._report(Speculated(True, stream.tokens, saved_s, now))
        return stream

    def drop(self, now: float) -> None:
        """The caller goes on, or has said something else."""
        self._splitter = None
        self._stream.close()
        if self._has_prepared:
            self._prepare("")
        self._report(Speculated(False, self._stream.tokens, 0.0, now))

    def _on_text(self, text: str) -> None:
        if self._splitter is not None and (found := self._splitter.push(text)):
            self._splitter, self._has_prepared = None, True
            self._prepare(found[0].text)


def _key(request: ModelRequest) -> tuple[tuple[Message, ...], tuple[str, ...], object]:
    *before, last = request.messages
    return tuple(before), normalised(last.text), request.tools
