"""What is said and asked in a call: the part of `Call` that talks."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from typing import TypeVar

from offhook.api.call_audio import CallAudio
from offhook.api.call_ended import CallEnded
from offhook.api.questions import Choices, checked, choices_in, choices_of, digit_rule, expectation
from offhook.api.sayable import Sayable, prompt_of
from offhook.api.understood import Understanding
from offhook.api.utterance import Utterance
from offhook.engines.languages import EngineLanguages, check_tag
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
from offhook.pipeline.prompt_parts import Words
from offhook.pipeline.session import Session
from offhook.pipeline.trace import Mark
from offhook.pipeline.understanding.kinds import Digits
from offhook.pipeline.understanding.valid import on_day

ANY_SPEECH = Question()

_T = TypeVar("_T")


class CallSpeech:
    """What is declared here belongs to the call."""

    hung_up: bool
    _ended: bool
    _session: Session
    _silence_ms: int
    _no_input_ms: int
    _language: str
    _languages: EngineLanguages
    _understanding: Understanding

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

    def speaks(self, *, language: str | None = None, voice: str | None = None) -> bool:
        """Whether the voice knows a language (a BCP 47 tag; None: the call's), and has a voice of that name."""
        known = language is None or self._languages.problem("tts", language) is None
        return known and (voice is None or self._languages.voice_problem(voice, language or self._language) is None)

    def understands(self, language: str) -> bool:
        """Whether the recogniser knows a language, a BCP 47 tag."""
        return self._languages.problem("asr", language) is None

    @property
    def covers_silence(self) -> bool:
        """Whether the bot says "One moment, please." when the dialog keeps the caller waiting (`turn.filler_ms`).

        True for agents, false for coroutine functions until they set it; slow engines are covered in any case.
        """
        return self._session.silence.covers_dialog

    @covers_silence.setter
    def covers_silence(self, covers: bool) -> None:
        self._session.silence.covers_dialog = covers

    @property
    def audio(self) -> CallAudio:
        """The call's audio, for an agent that recognises and speaks by itself."""
        return CallAudio(self._session)

    @contextmanager
    def covering(self, covers: bool) -> Iterator[None]:
        """Within it `covers_silence` is this; behind it what it was, in a call that goes on."""
        before, self.covers_silence = self.covers_silence, covers
        try:
            yield
        finally:
            if not (self._ended or self.hung_up):
                self.covers_silence = before

    @property
    def correct_within_s(self) -> float:
        """How long behind an answer a late final may correct it."""
        return self._session.correct_within_s

    def owe_reply(self, owed: bool = True, *, filled: bool = False) -> None:
        """Something is about to be said, though the caller has had no turn, or has heard a part of the reply: until it
        is, the silence is covered as after a turn. `owed` false: it is not, as while the dialog says fillers of its
        own, or waits for a caller who is to speak first; `filled`: it has just said one. Does nothing when the call is
        over."""
        if not self._ended:
            self._session.silence.owe_reply(owed, filled=filled)

    def filler(self, filler: str) -> str | None:
        """What to say in place of `filler` while the caller waits: the words of `turn.fillers`, if there are any in the
        language; None while the recording is paused for a secret."""
        return self._session.silence.filler(filler)

    def forget_unasked(self) -> None:
        """Drop what the caller has said and pressed that nothing has asked for: it answers no question any more."""
        if not self._ended:
            self._session.forget_unasked()

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
        text: Sayable | AsyncIterable[str],
        *,
        barge_in: bool = True,
        interruption: Interruption | None = None,
        language: str | None = None,
        voice: str | None = None,
    ) -> Playback:
        """Say `text`, a recording (`load_sound`) or `ssml`; returns at its end, with what was played of it.

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
        prompt = self._prompt(text, barge_in, interruption, language, voice)
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

    async def ask(  # noqa: PLR0913  # each is one property of a question
        self,
        text: Sayable | None,
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
        confirm: bool = False,
        inter_digit_ms: int | None = None,
    ) -> Answer:
        """Say `text`, which may be all that `say` takes but an iterator, and listen for the answer.

        `choices` maps names to the phrases that mean them, or to those of each of several languages, `{"en": …}`: then
        `Answer.language` is the one that the answer was given in, where that is certain. `keys` maps DTMF keys, of one
        digit or several, to choices; `inter_digit_ms` (None: 1,500) is how long a further digit of such a key is waited
        for.
        `digits` collects that many DTMF digits. `value` asks for a value, such as `Date()`, which `Answer.value` then
        has. Without choices, digits, a value or `grammar` (JSGF) any speech is an answer; with them a result below
        `min_confidence` (None: the setting `asr.min_confidence`) is a NO_MATCH, and one below `confirm_below` (None:
        `asr.confirm_below`, 0: never) is asked back: "Did you say small?" So is a value that may be one of several.
        With `confirm` a value, or digits, are read back, and count when the caller agrees: "I understood 1 2 3. Is that
        right?" `endpoint` replaces `silence_ms` in deciding when the turn is over. Earlier speech or
        DTMF that fits answers the question, too.
        `language` is the language of the text and of the answer, None the call's; `voice` as in `say`. `expect` says
        what the answer will be like where the rest does not, so that its end is found: `digits(10..16)`, `email`
        (docs/agents.md).

        Raises CallEnded; RuntimeError while something else is being asked; GrammarError for phrases that cannot be
        recognised; TypeError, ValueError for a question that cannot be asked: a key that means no choice, a phrase or
        a key that means two, fewer digits than one, a language that is not a BCP 47 tag. UserError, with nothing said,
        if the voice does not know the language, or the recogniser does not and is needed.
        """
        own, given = choices_in(choices, language or self._language)
        listed, rule = choices_of(own, keys or {}), digit_rule(digits)
        keys_only = rule is not None and not listed and grammar is None and value is None
        if confirm and value is None and rule is not None:
            value = Digits(rule.minimum, rule.maximum)
        question = Question(
            choices=listed,
            grammar=grammar,
            speech=speech and not keys_only,
            digits=rule or (None if value is None or keys else value.keys),
            silence_ms=self._silence_ms if silence_ms is None else silence_ms,
            no_input_ms=self._no_input_ms if no_input_ms is None else no_input_ms,
            endpoint=endpoint,
            min_confidence=min_confidence,
            language=language,
            value=value,
            confirm_below=confirm_below,
            expect=expectation(expect),
            read_back=confirm,
            others=tuple((tag, choices_of(each, keys or {})) for tag, each in given.items()),
            inter_digit_ms=Question().inter_digit_ms if inter_digit_ms is None else inter_digit_ms,
        )
        prompt = None if text is None else self._prompt(text, barge_in, interruption, language, voice)
        return await self.step(prompt, checked(question))

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
            if self._languages.problem("asr", about.language or self._language) is not None:
                about = replace(about, speech=False)  # of a question that is keyed
            return await self._session.step(self._localised(replace(asked, voice=voice)), about)

        return await self.until_ended(self._understanding.settle(question, answer, ask_back, wording))

    def corrected(self, question: Question, answer: Answer, wording: Wording | None = None) -> Answer:
        """What a late final makes of the answer to `question`: a no-match where it is so uncertain that `step` would
        have asked back."""
        return self._understanding.certain(self._in_language(question), answer, wording)

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

    def _start(self, prompt: Prompt) -> Utterance:
        if self._ended or self.hung_up:
            raise CallEnded
        prompt = self._localised(prompt)
        utterance = self._session.say(
            prompt.text,
            prompt.policy,
            complete=False,
            language=prompt.language,
            voice=prompt.voice,
            parts=prompt.parts,
        )
        return Utterance(self._session, utterance)

    def _prompt(
        self, said: Sayable, barge_in: bool, interruption: Interruption | None, language: str | None, voice: str | None
    ) -> Prompt:
        return prompt_of(said, barge_in, interruption, language, voice, self._language)

    def _localised(self, prompt: Prompt) -> Prompt:
        for part in prompt.parts:
            if isinstance(part, Words) and part.language is not None:
                self._languages.check("tts", part.language)
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
        others = tuple(each for each in question.others if self._languages.hears_besides(each[0]))
        return replace(question, language=language, value=on_day(question.value, date.today()), others=others)


def _text(text: object) -> str:
    if not isinstance(text, str):
        raise TypeError(f"the bot says text, or an async iterator of text, not {text!r}")
    return text
