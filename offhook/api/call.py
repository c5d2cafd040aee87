"""A call as an agent sees it: say, ask, listen, hang up."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import TypeVar

from offhook.api.headers import CallHeaders
from offhook.api.turns import History, Said, TurnEvents
from offhook.api.utterance import Utterance
from offhook.pipeline.events import (
    ANYTHING,
    NOTHING,
    Answer,
    Choice,
    DigitRule,
    EndpointPolicy,
    Interruption,
    Playback,
    Prompt,
    Question,
)
from offhook.pipeline.session import Session
from offhook.pipeline.turn.events import NoInput, TurnEvent, TurnOver
from offhook.sip.message.identities import Identities, Party
from offhook.usererror import UserError

Dialog = Callable[["Call"], Awaitable[None]]
"""The coroutine function of one call: the simplest agent. When it returns, the bot hangs up."""

ANY_SPEECH = Question()

HANG_UP_WAIT_S = 5.0  # for the last words to be heard; a line that has stopped moving is not waited for

_T = TypeVar("_T")


class CallEnded(Exception):
    """The call is over: nothing can be said or asked any more.

    It is raised where a dialog waits when the call ends, whoever ends it. A dialog need not catch it.
    """


class Call:
    """One call.

    `caller` and `called` are as the far end gave them, over SIP the URIs of From and of the Request-URI, which is what
    was dialled: never proof of who calls. `identities` has them and To, P-Asserted-Identity, Diversion and History-Info
    as values (`call.identities.called.number`). `headers` are found in any case (`call.headers.get("x-account")`).
    """

    def __init__(  # noqa: PLR0913  # made in one place
        self,
        session: Session,
        *,
        call_id: str,
        caller: str,
        called: str,
        headers: Iterable[tuple[str, str]] = (),
        identities: Identities | None = None,
        silence_ms: int = 500,
        no_input_ms: int = 5_000,
        on_hangup: Callable[[], None] | None = None,
        on_state: Callable[[str], None] | None = None,
        on_transfer: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.called = called
        self.headers = CallHeaders(headers)
        self.identities = identities or Identities(called=Party(called), caller=Party(caller))
        self._session = session
        self._silence_ms = silence_ms
        self._no_input_ms = no_input_ms
        self._on_hangup = on_hangup
        self._on_state = on_state
        self._on_transfer = on_transfer
        self._ended = False
        self._turns: set[TurnEvents] = set()
        self._history: History | None = None
        self.hung_up = False  # by us

    async def say(
        self, text: str | AsyncIterable[str], *, barge_in: bool = True, interruption: Interruption | None = None
    ) -> Playback:
        """Say `text`; returns when it is over, with what the caller heard of it.

        Text that comes in pieces is spoken as it comes; after an interruption no more of it is asked for. Who may
        interrupt says `interruption`, or `barge_in`: anybody or nobody. What the caller says then answers the next
        question. Where the voice fails, `failed` of what is returned says why.
        """
        if not isinstance(text, str):
            utterance = self.start_saying(barge_in=barge_in, interruption=interruption)
            return await self._until_ended(utterance.follow(text))
        if not self._session.expecting:
            return (await self.step(Prompt(text, barge_in, interruption), None)).prompt
        utterance = self.start_saying(text, barge_in=barge_in, interruption=interruption)
        return await self._until_ended(utterance.complete())

    def start_saying(
        self, text: str = "", *, barge_in: bool = True, interruption: Interruption | None = None
    ) -> Utterance:
        """Begin to say something whose words are still being made: see Utterance. One at a time.

        Raises CallEnded; RuntimeError while something else is being said.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        policy = interruption or (ANYTHING if barge_in else NOTHING)
        return Utterance(self._session, self._session.say(text, policy, complete=False))

    def expect(self, question: Question | None = ANY_SPEECH) -> None:
        """Listen for turns of the caller that answer `question` (any speech, without one), again and again.

        They come as TurnOver among `turns`, and so do silences, as NoInput. None: no longer; what is said then is kept
        for the next question. `ask` may be used meanwhile. Raises CallEnded; RuntimeError while `ask` waits.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        self._session.expect(question)

    def turns(self) -> TurnEvents:
        """What becomes of turns and utterances from now on, as an async iterator that ends with the call.

        A turn that answers an `ask` is not among them.
        """
        events = TurnEvents()
        if self._ended:
            events.close()
        else:
            self._turns.add(events)
            self._session.subscribe(lambda event: self._pass_on(event, events))
        return events

    @property
    def history(self) -> tuple[Said, ...]:
        """What has been said so far: of the bot's words those that the caller heard, and what was understood."""
        return tuple(self._history.lines) if self._history is not None else ()

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
        interruption: Interruption | None = None,
        silence_ms: int | None = None,
        no_input_ms: int | None = None,
        endpoint: EndpointPolicy | None = None,
        min_confidence: float | None = None,
    ) -> Answer:
        """Say `text` and listen for the answer.

        `choices` maps names to the phrases that mean them, `keys` keys to names of choices. `digits` collects that
        many digits by key. With neither choices nor digits nor `grammar` (JSGF) any speech is an answer; with them what
        the recogniser is less sure of than `min_confidence` (None: the setting `asr.min_confidence`) is a NO_MATCH.
        `endpoint` decides when the caller's turn is over, in place of `silence_ms`. What the caller said or keyed
        before they were asked answers the question, if it fits.
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
            endpoint=endpoint,
            min_confidence=min_confidence,
        )
        return await self.step(None if text is None else Prompt(text, barge_in, interruption), question)

    def enter(self, state: str) -> None:
        """Tell whoever watches the call where the dialog is now: a name of its own choice."""
        if self._on_state is not None and not self._ended:
            self._on_state(state)

    async def step(self, prompt: Prompt | None, question: Question | None) -> Answer:
        """One prompt and question, as values. Raises CallEnded; RuntimeError while another one is open."""
        if self._ended or self.hung_up:
            raise CallEnded
        return await self._until_ended(self._session.step(prompt, question))

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

    def keep_history(self) -> None:
        """From now on: `history` is what has been said since."""
        self._history = History()
        self._session.subscribe(self._history.on_turn_event)

    def end(self) -> None:
        """The call is over, whoever ended it."""
        self._ended = True
        self._on_hangup = self._on_state = self._on_transfer = None
        for events in self._turns:
            events.close()
        self._turns.clear()

    def _pass_on(self, event: TurnEvent, events: TurnEvents) -> None:
        # The answer to `ask` is for who asked.
        if not (isinstance(event, TurnOver | NoInput) and self._session.in_step):
            events.put(event)

    async def _until_ended(self, work: Awaitable[_T]) -> _T:
        try:
            result = await work
        except asyncio.CancelledError:
            if self._ended:
                # Not the dialog's doing, nor that of any task of its own.
                raise CallEnded from None
            raise
        if self._ended:
            raise CallEnded
        return result


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
