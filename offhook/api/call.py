"""A call as an agent sees it: say, ask, listen, hang up."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Literal, TypeVar

from offhook.api.answered import WhoAnswers
from offhook.api.call_audio import CallAudio
from offhook.api.headers import CallHeaders
from offhook.api.questions import Choices, checked, choices_of, digit_rule, expectation
from offhook.api.turns import History, Said, TurnEvents
from offhook.api.understood import Understanding
from offhook.api.utterance import Utterance
from offhook.engines.languages import ANY_LANGUAGE, EngineLanguages, check_tag
from offhook.llm.model import LanguageModel, no_model
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import (
    Answer,
    DigitRule,
    EndpointPolicy,
    Expectation,
    Interruption,
    Playback,
    Prompt,
    Question,
    ValueKind,
)
from offhook.pipeline.overlap_hook import OnOverlap
from offhook.pipeline.session import Session
from offhook.pipeline.trace import Mark, SessionEvent
from offhook.pipeline.turn.events import NoInput, TurnEvent, TurnOver
from offhook.pipeline.understanding.kinds import Date
from offhook.sip.message.identities import Identities, Party
from offhook.sip.message.user_to_user import UserToUser, user_to_user
from offhook.transfer.outcome import TransferMode, Transferred
from offhook.transfer.request import TransferRequest
from offhook.usererror import UserError

Dialog = Callable[["Call"], Awaitable[None]]
"""The coroutine function of one call: the simplest agent. When it returns, the bot hangs up."""

ANY_SPEECH = Question()

HANG_UP_WAIT_S = 5.0  # for the last words to be played; a stalled line does not hold the call

_T = TypeVar("_T")


class CallEnded(Exception):
    """The call is over: nothing more can be said or asked.

    Raised at the dialog's current await when either side ends the call. A dialog need not catch it.
    """


class Call:
    """One call. `id` names it in records, logs and the API.

    `caller` and `called` are as the far end gave them, over SIP the URIs of From and of the Request-URI (the number
    dialled); they never prove who is calling. `identities` has them and To, P-Asserted-Identity, Diversion and
    History-Info as values (`call.identities.called.number`), P-Asserted-Identity of trunks and `sip.peers` only, and
    what Privacy asks for. `trunk` is the name of the trunk in the settings by which the call came, judged by its source
    address, or went; empty for any other call. Names of `headers` are case-insensitive
    (`call.headers.get("x-account")`). `direction` is "outbound" for calls that the bot placed: then `called` is who
    talks, and `variables` has what the call was placed with, by name (empty for all others); `route` is the number of
    the configured route whose dialog was asked for, None: the default.
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
        trunk: str = "",
        direction: Literal["inbound", "outbound"] = "inbound",
        variables: Mapping[str, str] | None = None,
        route: int | None = None,
        silence_ms: int = 500,
        no_input_ms: int = 5_000,
        language: str = "en",
        languages: EngineLanguages = ANY_LANGUAGE,
        understanding: Understanding | None = None,
        on_hangup: Callable[[], None] | None = None,
        on_state: Callable[[str], None] | None = None,
        on_transfer: Callable[[TransferRequest], Awaitable[Transferred | None]] | None = None,
        on_record: Callable[[bool], None] | None = None,
        on_dtmf: Callable[[str], None] | None = None,
        model: Callable[[], LanguageModel] | None = None,
        answering: WhoAnswers | None = None,
    ) -> None:
        self.id = call_id
        self.caller = caller
        self.called = called
        self.headers = CallHeaders(headers)
        self.identities = identities or Identities(called=Party(called), caller=Party(caller))
        self.trunk = trunk
        self.direction = direction
        self.variables: Mapping[str, str] = MappingProxyType(dict(variables or {}))
        self.route = route
        self._session = session
        self._silence_ms = silence_ms
        self._no_input_ms = no_input_ms
        self._language = language
        self._languages = languages
        self._understanding = understanding or Understanding()
        self._on_hangup = on_hangup
        self._on_state = on_state
        self._on_transfer = on_transfer
        self._on_record = on_record
        self._on_dtmf = on_dtmf
        self._model = model
        self._answering = answering
        self._answered_by = ""
        self._ended = False
        self._turns: dict[TurnEvents, Callable[[], None]] = {}  # with what unsubscribes each
        self._history: History | None = None
        self._before_end: list[Callable[[bool], None]] = []
        self.hung_up = False
        """Whether the bot has hung up, or transferred the call."""

    @property
    def user_to_user(self) -> tuple[UserToUser, ...]:
        """What the caller's application sent along (User-to-User, RFC 7433): `call.user_to_user[0].content`, in bytes.

        Values that cannot be read are left out; `headers` has them as they came.
        """
        return user_to_user(self.headers.get_all("User-to-User"))

    @property
    def language(self) -> str:
        """The language of everything that is said and asked without one of its own, as a BCP 47 tag.

        It begins as the route's, or `dialog.language`. Setting it raises UserError if the voice does not know it,
        ValueError for what is not a tag.
        """
        return self._language

    @language.setter
    def language(self, language: str) -> None:
        self._languages.check("tts", language)
        self._language = language

    def default_model(self) -> LanguageModel:
        """The language model of `[llm]`, which the calls of a process share. Raises UserError if there is none."""
        if self._model is None:
            raise no_model()
        return self._model()

    @property
    def covers_silence(self) -> bool:
        """Whether the bot says "One moment, please." when the dialog keeps the caller waiting (`turn.filler_ms`).

        True for agents, false for coroutine functions until they set it; slow engines are covered in any case.
        """
        return self._session.covers_dialog

    @covers_silence.setter
    def covers_silence(self, covers: bool) -> None:
        self._session.covers_dialog = covers

    def owe_reply(self, owed: bool = True, *, filled: bool = False) -> None:
        """Something is about to be said, though the caller has had no turn, or has heard a part of the reply: until it
        is, the silence is covered as after a turn. `owed` false: it is not, as while the dialog says fillers of its
        own; `filled`: it has just said one. Does nothing when the call is over."""
        if not self._ended:
            self._session.owe_reply(owed, filled=filled)

    def filler(self, filler: str) -> str | None:
        """What to say in place of `filler` while the caller waits: the words of `turn.fillers`, if there are any in the
        language; None while the recording is paused for a secret."""
        return self._session.filler(filler)

    @property
    def on_overlap(self) -> OnOverlap | None:
        """Judges what the caller says over the bot while a question is open: `on_overlap(said, unsaid, caller_words)`.

        `said` and `unsaid` are the parts of the utterance, which is paused, before and after the cut. It returns
        "interrupt", "continue" (the bot goes on when the caller is silent) or None: the utterance's Interruption
        decides. Called with the words so far, and again with more; it must return at once (50 ms).
        """
        return self._session.on_overlap

    @on_overlap.setter
    def on_overlap(self, on_overlap: OnOverlap | None) -> None:
        self._session.on_overlap = on_overlap

    async def say(
        self,
        text: str | AsyncIterable[str],
        *,
        barge_in: bool = True,
        interruption: Interruption | None = None,
        language: str | None = None,
        voice: str | None = None,
    ) -> Playback:
        """Say `text`; returns at its end, with what was played of it.

        Text that arrives in pieces is spoken as it arrives; after an interruption no more of it is requested.
        `interruption` sets what may interrupt, `barge_in` allows or forbids all of it. What the caller says while
        interrupting answers the next question. If the voice fails, `failed` of the result says why. `language` is the
        language of the text, None the call's; `voice` one of the engine's voices (`offhook voices`), None the one for
        the language.

        Raises CallEnded; RuntimeError while something else is being said. UserError, with nothing said, if the voice
        does not know the language, or there is no such voice; ValueError for what is not a BCP 47 tag.
        """
        if isinstance(text, AsyncIterable):
            utterance = self._start(Prompt("", barge_in, interruption, language, voice))
            return await self.until_ended(utterance.follow(text))
        prompt = Prompt(_text(text), barge_in, interruption, language, voice)
        if not self._session.expecting:
            return (await self.step(prompt, None)).prompt
        utterance = self._start(prompt)
        return await self.until_ended(utterance.complete())

    def start_saying(
        self,
        text: str = "",
        *,
        barge_in: bool = True,
        interruption: Interruption | None = None,
        language: str | None = None,
        voice: str | None = None,
    ) -> Utterance:
        """Begin to say something whose text is still being generated: see Utterance. One at a time.

        Raises what `say` raises.
        """
        return self._start(Prompt(text, barge_in, interruption, language, voice))

    def prepare(self, text: str, *, language: str | None = None, voice: str | None = None) -> None:
        """Synthesise the first clause of a text that will probably be said next, so that it then starts at once.

        Nothing is heard or recorded until something that begins with it is said in the same language and voice. One
        text at a time: another one takes its place, and "" drops it. Raises UserError and ValueError as `say` does;
        does nothing when the call is over.
        """
        if not (self._ended or self.hung_up):
            prompt = self._localised(Prompt(_text(text), language=language, voice=voice))
            self._session.prepare(prompt.text, prompt.language, prompt.voice)

    @property
    def is_audible(self) -> bool:
        """Whether speech of the bot is on its way to the caller."""
        return self._session.is_audible

    @property
    def silence_ms(self) -> int:
        """The silence that ends a turn, without a policy of one's own."""
        return self._silence_ms

    @property
    def no_input_ms(self) -> int:
        """How long the caller may say nothing to a question."""
        return self._no_input_ms

    def report(self, event: SessionEvent) -> None:
        """Put an event of an agent on the call's record, the page and in the metrics."""
        if not self._ended:
            self._session.report(event)

    def send_dtmf(self, digits: str) -> None:
        """Press keys for the far end, as in a menu that the bot has called: `0-9`, `*`, `#`, `A-D`.

        Raises CallEnded; ValueError for anything else, UserError if the line cannot send them.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if not digits or set(digits) - set("0123456789*#ABCD"):
            raise ValueError(f"{digits[:40]!r} are not keys of a phone")
        if self._on_dtmf is None:
            raise UserError("this line cannot send keys", "its protocol has none", "have the call come over SIP")
        self._on_dtmf(digits)

    @property
    def answered_by(self) -> str:
        """Who answered a call that the bot placed: "human", "voicemail", "screening", "ivr", "fax", "busy", "reorder",
        "sit", "silence". Empty while that isn't known, and in calls that came in. It may change: what paused like a
        human may beep like a voicemail."""
        if self._answering is None:
            return self._answered_by
        return str(self._answering.by or "")

    async def who_answered(self, timeout_s: float = 5.0) -> str:
        """Wait until `answered_by` is known, and return it; after `timeout_s`, as far as it is known. The bot may speak
        meanwhile."""
        if self._answering is not None:
            await self._answering.verdict(timeout_s)
        return self.answered_by

    async def wait_for_beep(self, timeout_s: float = 30.0) -> bool:
        """Wait until a voicemail records: its beep has ended, or its greeting has been over for a while. False: neither
        came in that time, or the call has ended."""
        return self._answering is not None and await self._answering.beep(timeout_s)

    def mark_first_token(self, at: float | None = None) -> None:
        """The first token of a language model's reply to the caller's latest turn is there: it is in the turn's latency
        ledger. `at` is when it came, in monotonic seconds (None: now). Cheap; the first one of a turn counts."""
        self._session.mark(Mark.FIRST_TOKEN, at)

    def expect(self, question: Question | None = ANY_SPEECH) -> None:
        """Keep listening for turns of the caller that answer `question` (by default any speech).

        They arrive in `turns` as TurnOver, silences as NoInput. None stops it: speech is then kept for the next
        question. `ask` may be used meanwhile. Raises CallEnded; RuntimeError while `ask` waits; UserError, TypeError
        and ValueError as `ask` does.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        self._session.expect(None if question is None else self._in_language(checked(question)))

    def turns(self) -> TurnEvents:
        """Events of turns and utterances from now on, as an async iterator that ends with the call.

        Turns that answer an `ask` are left out.
        """
        events = TurnEvents(lambda: self._forget(events))
        if self._ended:
            events.close()
        else:
            self._turns[events] = self._session.subscribe(lambda event: self._pass_on(event, events))
        return events

    @property
    def audio(self) -> CallAudio:
        """The call's audio, for an agent that recognises and speaks by itself."""
        return CallAudio(self._session)

    @property
    def history(self) -> tuple[Said, ...]:
        """The conversation so far: the bot's words that were played, and what was recognised."""
        return tuple(self._history.lines) if self._history is not None else ()

    async def ask(  # noqa: PLR0913  # each is one property of a question
        self,
        text: str | None,
        *,
        choices: Choices = (),
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
        language: str | None = None,
        voice: str | None = None,
        value: ValueKind | None = None,
        confirm_below: float | None = None,
        expect: Expectation | str | None = None,
    ) -> Answer:
        """Say `text` and listen for the answer.

        `choices` maps names to the phrases that mean them, `keys` maps DTMF keys to choices. `digits` collects that
        many DTMF digits. `value` asks for a value, such as `Date()`, which `Answer.value` then has. Without choices,
        digits, a value or `grammar` (JSGF) any speech is an answer; with them a result below `min_confidence` (None:
        the setting `asr.min_confidence`) is a NO_MATCH, and one below `confirm_below` (None: `asr.confirm_below`, 0:
        never) is asked back: "Did you say small?" So is a value that may be one of several. `endpoint` replaces
        `silence_ms` in deciding when the turn is over. Earlier speech or DTMF that fits answers the question, too.
        `language` is the language of the text and of the answer, None the call's; `voice` as in `say`. `expect` says
        what the answer will be like where the rest does not, so that its end is found: `digits(10..16)`, `email`
        (docs/agents.md).

        Raises CallEnded; RuntimeError while something else is being asked; GrammarError for phrases that cannot be
        recognised; TypeError, ValueError for a question that cannot be asked: a key that means no choice, a choice with
        two keys, a phrase that means two, fewer digits than one, a language that is not a BCP 47 tag. UserError, with
        nothing said, if the voice does not know the language, or the recogniser does not and is needed.
        """
        listed = choices_of(choices, keys or {})
        question = Question(
            choices=listed,
            grammar=grammar,
            speech=speech and not (digits is not None and not listed and grammar is None and value is None),
            digits=digit_rule(digits) or (None if value is None or keys else value.keys),
            silence_ms=self._silence_ms if silence_ms is None else silence_ms,
            no_input_ms=self._no_input_ms if no_input_ms is None else no_input_ms,
            endpoint=endpoint,
            min_confidence=min_confidence,
            language=language,
            value=value,
            confirm_below=confirm_below,
            expect=expectation(expect),
        )
        prompt = None if text is None else Prompt(_text(text), barge_in, interruption, language, voice)
        return await self.step(prompt, checked(question))

    def enter(self, state: str) -> None:
        """Report the dialog's current step, under any name, to the live view of the call."""
        if self._on_state is not None and not self._ended:
            self._on_state(state)

    def pause_recording(self) -> None:
        """Record silence, of both sides, until `resume_recording`: for card numbers and the like.

        The transcript still has what the caller speaks, though never their keys. A capture has the packets of that
        time, and of two seconds more, without sound, and without keys. Does nothing in a call that is neither recorded
        nor captured.
        """
        if self._on_record is not None:
            self._on_record(True)

    def resume_recording(self) -> None:
        """Record again what is said."""
        if self._on_record is not None:
            self._on_record(False)

    async def step(self, prompt: Prompt | None, question: Question | None, wording: Wording | None = None) -> Answer:
        """Play one prompt and ask one question; either may be None. `wording` (None: the language's) asks back.

        Raises what `say` and `ask` raise; ValueError without prompt and question.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        prompt = None if prompt is None else self._localised(prompt)
        question = None if question is None else self._in_language(question)
        answer = await self.until_ended(self._session.step(prompt, question))
        if question is None:
            return answer
        voice = None if prompt is None else prompt.voice

        async def ask_back(asked: Prompt, about: Question) -> Answer:
            return await self._session.step(self._localised(replace(asked, voice=voice)), about)

        return await self.until_ended(self._understanding.settle(question, answer, ask_back, wording))

    def corrected(self, question: Question, answer: Answer, wording: Wording | None = None) -> Answer:
        """What a late final makes of the answer to `question`: a no-match where it is so uncertain that `step` would
        have asked back."""
        return self._understanding.certain(self._in_language(question), answer, wording)

    async def hangup(self) -> None:
        """End the call once everything said has been played. Nothing more can be said, but the dialog runs on."""
        if self._ended or self.hung_up:
            return
        self.hung_up = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self._session.drained(), HANG_UP_WAIT_S)
        if self._on_hangup is not None:
            self._on_hangup()

    async def transfer(  # each is one property of a transfer
        self,
        target: str,
        *,
        mode: TransferMode | None = None,
        summary: str = "",
        brief: "Callable[[Call], Awaitable[bool]] | None" = None,
        user_to_user: str | None = None,
        headers: Mapping[str, str] | None = None,
        ring_s: float | None = None,
        return_key: str | None = None,
    ) -> Transferred:
        """Connect the caller to `target` once everything said has been played, and usually leave the call.

        `target` is a name of `[transfer.targets]`, or a number or SIP address that the settings allow. `mode` is one of
        MODES (None: the trunk's, or `transfer.mode`). With `attended` the agent is called first and hears `summary`,
        and a key or a word says whether they take the call; `brief(agent)`, which gets a Call of its own with the
        agent, does that in another way and returns whether they do. `user_to_user` (as "41;encoding=hex") and
        `headers` reach the agent. `ring_s`: how long their phone rings. `return_key`: a key by which either brings the
        caller back from a bridge.

        Returns when the transfer is over: `returned` says whether the caller is with the bot again (the agent has hung
        up a bridge). If not, nothing more can be said, but the dialog runs on. Raises TransferError, and the call goes
        on, with the reason: busy, no answer, declined … CallEnded if the caller hangs up before that. UserError if the
        call cannot be transferred at all.
        """
        if self._ended or self.hung_up:
            raise CallEnded
        if self._on_transfer is None:
            raise UserError(
                "this call cannot be transferred",
                "its carrier has no transfers",
                "await call.hangup(), or have the call come over SIP or Twilio",
            )
        result = await self._on_transfer(
            TransferRequest(
                target,
                mode,
                summary,
                brief,
                user_to_user,
                tuple((headers or {}).items()),
                ring_s,
                return_key,
                self._language,
            )
        )
        if result is None:
            raise CallEnded
        self.hung_up = not result.returned
        return result

    def keep_history(self) -> None:
        """Start `history` here."""
        self._history = History()
        self._session.subscribe(self._history.on_turn_event)

    def before_end(self, report: Callable[[bool], None]) -> Callable[[], None]:
        """Call `report` when the call ends, while an agent may still put on the record what it leaves unfinished, with
        whether the bot has left it. Returns a function that withdraws it."""
        self._before_end.append(report)
        return lambda: self._before_end.remove(report) if report in self._before_end else None

    def end(self, *, by_bot: bool = False) -> None:
        """The call is over; `by_bot`: it has hung up, or transferred it."""
        reports, self._before_end = self._before_end, []
        for report in reports:
            report(by_bot)
        self._ended = True
        self._answered_by, self._answering = self.answered_by, None
        self._on_hangup = self._on_state = self._on_transfer = self._on_record = self._on_dtmf = None
        for events in list(self._turns):
            events.close()

    def _start(self, prompt: Prompt) -> Utterance:
        if self._ended or self.hung_up:
            raise CallEnded
        prompt = self._localised(prompt)
        utterance = self._session.say(
            prompt.text, prompt.policy, complete=False, language=prompt.language, voice=prompt.voice
        )
        return Utterance(self._session, utterance)

    def _localised(self, prompt: Prompt) -> Prompt:
        if prompt.voice is not None:
            self._languages.check_voice(prompt.voice)
        if prompt.language is None:
            return replace(prompt, language=self._language)
        self._languages.check("tts", prompt.language)
        return prompt

    def _in_language(self, question: Question) -> Question:
        language = self._language if question.language is None else question.language
        check_tag(language)
        if question.speech:
            self._languages.check("asr", language, "keys in place of speech")
        value = question.value.on(date.today()) if isinstance(question.value, Date) else question.value
        return replace(question, language=language, value=value)

    def _forget(self, events: TurnEvents) -> None:
        unsubscribe = self._turns.pop(events, None)
        if unsubscribe is not None:
            unsubscribe()

    def _pass_on(self, event: TurnEvent, events: TurnEvents) -> None:
        # The answer to `ask` goes to its caller only.
        if not (isinstance(event, TurnOver | NoInput) and self._session.in_step):
            events.put(event)

    async def until_ended(self, work: Awaitable[_T]) -> _T:
        """The result of `work`. Raises CallEnded if the call ends first, and cancels the wait."""
        try:
            result = await work
        except asyncio.CancelledError:
            if self._ended:
                # Not caused by the dialog or its tasks.
                raise CallEnded from None
            raise
        if self._ended:
            raise CallEnded
        return result


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"the bot says text, or an async iterator of text, not {text!r}")
    return text
