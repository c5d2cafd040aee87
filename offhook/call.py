"""A call as a dialog sees it: say, ask, hang up."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from pipeline.events import Answer, Choice, DigitRule, Heard, Prompt, Question
from pipeline.session import Session

Dialog = Callable[["Call"], Awaitable[None]]
"""What talks to the caller: a coroutine function of one call. When it returns, the bot hangs up."""

HANG_UP_WAIT_S = 5.0  # for the last words to be heard; a line that has stopped moving is not waited for


class CallEnded(Exception):
    """The call is over: nothing can be said or asked any more. A dialog need not catch it."""


class Call:
    """One call. `caller` and `called` are SIP URIs as the far end gave them: never proof of who calls."""

    def __init__(
        self,
        session: Session,
        *,
        call_id: str,
        caller: str,
        called: str,
        headers: Iterable[tuple[str, str]] = (),
        silence_ms: int = 500,
        no_input_ms: int = 5_000,
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.called = called
        self.headers = tuple(headers)
        self._session = session
        self._silence_ms = silence_ms
        self._no_input_ms = no_input_ms
        self._ended = False
        self.hung_up = False  # by us

    async def say(self, text: str, *, barge_in: bool = True) -> Heard:
        """Say `text`; returns when it is over, with what the caller heard of it.

        The caller may interrupt it unless `barge_in` is false; what they say then answers the next question.
        """
        return (await self.step(Prompt(text, barge_in), None)).prompt

    async def ask(  # noqa: PLR0913  # each is one thing that people want to say of a question
        self,
        text: str | None,
        *,
        choices: Mapping[str, str | Iterable[str]] | Iterable[Choice] = (),
        keys: Mapping[str, str] | None = None,
        digits: int | DigitRule | None = None,
        grammar: str | None = None,
        speech: bool = True,
        barge_in: bool = True,
        silence_ms: int | None = None,
        no_input_ms: int | None = None,
    ) -> Answer:
        """Say `text` and listen for the answer.

        `choices` maps names to the phrases that mean them, `keys` keys to names of choices. `digits` collects that
        many digits by key. With neither choices nor digits nor `grammar` (JSGF) any speech is an answer.
        Raises ValueError for a key that means no choice.
        """
        question = Question(
            choices=_choices(choices, keys or {}),
            grammar=grammar,
            speech=speech and not (digits is not None and not choices and grammar is None),
            digits=DigitRule(digits, digits) if isinstance(digits, int) else digits,
            silence_ms=self._silence_ms if silence_ms is None else silence_ms,
            no_input_ms=self._no_input_ms if no_input_ms is None else no_input_ms,
        )
        return await self.step(None if text is None else Prompt(text, barge_in), question)

    async def step(self, prompt: Prompt | None, question: Question | None) -> Answer:
        """One prompt and question, as values. Raises CallEnded."""
        if self._ended or self.hung_up:
            raise CallEnded
        return await self._session.step(prompt, question)

    async def hangup(self) -> None:
        """End the call when the caller has heard all that was said."""
        if not self._ended and not self.hung_up:
            self.hung_up = True
            try:
                await asyncio.wait_for(self._session.drained(), HANG_UP_WAIT_S)
            except TimeoutError:
                return

    def end(self) -> None:
        """The call is over, whoever ended it."""
        self._ended = True


def _choices(
    choices: Mapping[str, str | Iterable[str]] | Iterable[Choice], keys: Mapping[str, str]
) -> tuple[Choice, ...]:
    if not isinstance(choices, Mapping):
        made = tuple(choices)
        if keys:
            raise ValueError("`keys` goes with choices given as a mapping; a Choice has its own `dtmf`")
        return made
    by_name = {name: key for key, name in keys.items()}
    unknown = [name for name in by_name if name not in choices]
    if unknown:
        raise ValueError(f"a key stands for {unknown[0]!r}, which is not among the choices {sorted(choices)}")
    return tuple(
        Choice(name, (phrases,) if isinstance(phrases, str) else tuple(phrases), by_name.get(name))
        for name, phrases in choices.items()
    )
