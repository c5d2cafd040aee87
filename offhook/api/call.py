"""A call as a dialog sees it: say, ask, hang up."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress

from offhook.pipeline.events import Answer, Choice, DigitRule, Playback, Prompt, Question
from offhook.pipeline.session import Session
from offhook.usererror import UserError

Dialog = Callable[["Call"], Awaitable[None]]
"""What talks to the caller: a coroutine function of one call. When it returns, the bot hangs up."""

HANG_UP_WAIT_S = 5.0  # for the last words to be heard; a line that has stopped moving is not waited for


class CallEnded(Exception):
    """The call is over: nothing can be said or asked any more. A dialog need not catch it."""


class Call:
    """One call. `caller` and `called` are SIP URIs as the far end gave them: never proof of who calls."""

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        session: Session,
        *,
        call_id: str,
        caller: str,
        called: str,
        headers: Iterable[tuple[str, str]] = (),
        silence_ms: int = 500,
        no_input_ms: int = 5_000,
        on_hangup: Callable[[], None] | None = None,
        on_state: Callable[[str], None] | None = None,
        on_transfer: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.called = called
        self.headers = tuple(headers)
        self._session = session
        self._silence_ms = silence_ms
        self._no_input_ms = no_input_ms
        self._on_hangup = on_hangup
        self._on_state = on_state
        self._on_transfer = on_transfer
        self._ended = False
        self.hung_up = False  # by us

    async def say(self, text: str, *, barge_in: bool = True) -> Playback:
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
        Raises ValueError for a key that means no choice, a choice with two keys, and fewer digits than one.
        """
        if isinstance(digits, int) and digits < 1:
            raise ValueError(f"{digits} digits cannot be collected: `digits` is at least 1")
        listed = _choices(choices, keys or {})
        question = Question(
            choices=listed,
            grammar=grammar,
            speech=speech and not (digits is not None and not listed and grammar is None),
            digits=DigitRule(digits, digits) if isinstance(digits, int) else digits,
            silence_ms=self._silence_ms if silence_ms is None else silence_ms,
            no_input_ms=self._no_input_ms if no_input_ms is None else no_input_ms,
        )
        return await self.step(None if text is None else Prompt(text, barge_in), question)

    def enter(self, state: str) -> None:
        """Tell whoever watches the call where the dialog is now: a name of its own choice."""
        if self._on_state is not None and not self._ended:
            self._on_state(state)

    async def step(self, prompt: Prompt | None, question: Question | None) -> Answer:
        """One prompt and question, as values. Raises CallEnded; RuntimeError while another one is open."""
        if self._ended or self.hung_up:
            raise CallEnded
        return await self._session.step(prompt, question)

    async def hangup(self) -> None:
        """End the call when the caller has heard all that was said. Nothing can be said any more, but work goes on."""
        if self._ended or self.hung_up:
            return
        self.hung_up = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._session.drained(), HANG_UP_WAIT_S)
        if self._on_hangup is not None:
            self._on_hangup()

    async def transfer(self, number: str) -> None:
        """Connect the caller to `number` (E.164) when they have heard all that was said, and let go of the call.

        Nothing can be said any more then, but work goes on. Raises CallEnded; UserError, and the call goes on as it is,
        for a call that cannot be transferred, and a number that the settings do not allow.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_transfer is None:
            raise UserError(
                "this call cannot be transferred",
                "that can be done over Twilio only: SIP's REFER is not there yet",
                "await call.hangup(), or have the call come over Twilio",
            )
        await self._on_transfer(number)
        self.hung_up = True

    def end(self) -> None:
        """The call is over, whoever ended it."""
        self._ended = True
        self._on_hangup = self._on_state = self._on_transfer = None


def _choices(
    choices: Mapping[str, str | Iterable[str]] | Iterable[Choice], keys: Mapping[str, str]
) -> tuple[Choice, ...]:
    if not isinstance(choices, Mapping):
        made = tuple(choices)
        if keys:
            raise ValueError("`keys` goes with choices given as a mapping; a Choice has its own `dtmf`")
        return made
    by_name: dict[str, str] = {}
    for key, name in keys.items():
        if name not in choices:
            raise ValueError(f"a key stands for {name!r}, which is not among the choices {sorted(choices)}")
        if name in by_name:
            raise ValueError(f"the keys {by_name[name]!r} and {key!r} both stand for {name!r}: a choice has one key")
        by_name[name] = key
    return tuple(
        Choice(name, (phrases,) if isinstance(phrases, str) else tuple(phrases), by_name.get(name))
        for name, phrases in choices.items()
    )
