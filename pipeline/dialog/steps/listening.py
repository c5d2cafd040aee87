"""What questions have in common: how they listen, and what follows an answer that is none."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.actions import AskFor, HangUp, Result
from offhook.pipeline.dialog.commands import Command, Does, command_problems, with_commands
from offhook.pipeline.dialog.one_of import Text
from offhook.pipeline.dialog.problem import FlowProblem, Path, out_of_range
from offhook.pipeline.dialog.ssml import behind
from offhook.pipeline.dialog.steps.step import Again, Enter, Exit, Run, Step, Then
from offhook.pipeline.dialog.translations import Catalogue
from offhook.pipeline.events import Answer, AnswerKind, Expectation, Question
from offhook.pipeline.language import is_language_tag, primary

COUNTED = (AnswerKind.NO_INPUT, AnswerKind.NO_MATCH, AnswerKind.FAILED)
"""The kinds of answers that lead nowhere. They are counted apart."""


@dataclass(frozen=True, slots=True)
class Retry:
    """What to do when the caller said nothing, or nothing that matches.

    The question is asked `attempts` times in all, then step `then` follows. After the n-th failure the n-th of
    `reprompts` is said, or the last one; without any, the prompt itself. After `keys_only_after` failures the keys are
    offered, and nothing else is listened for.
    """

    then: str
    attempts: int = 3
    reprompts: tuple[str, ...] = ()
    keys_only_after: int | None = None

    def reprompt(self, count: int) -> str | None:
        """What is said after the `count`-th failure; None: the prompt itself."""
        return self.reprompts[min(count, len(self.reprompts)) - 1] if self.reprompts else None


@dataclass(frozen=True, slots=True)
class Silent:
    """How many no-inputs a call may have in all; with that many it goes on with `then`, once, or (None) is hung up."""

    most: int = 20
    then: str | None = None


@dataclass(frozen=True, slots=True)
class ListeningStep(Step):
    """Ask something, and go on by the answer.

    No-inputs, no-matches and recogniser failures are counted separately, from zero at each visit. A failure is not the
    caller's fault: they are asked again, with an apology and the keys. The no-match branch is taken only after more
    failures than the allowed no-matches: the recogniser will not recover.
    """

    prompt: Text
    no_input: Retry = field(kw_only=True)
    no_match: Retry = field(kw_only=True)
    silence_ms: int = field(default=500, kw_only=True)
    timeout_s: float = field(default=5.0, kw_only=True)
    barge_in: bool = field(default=True, kw_only=True)
    min_confidence: float | None = field(default=None, kw_only=True)
    """None: the bot's setting."""
    confirm_below: float | None = field(default=None, kw_only=True)
    """None: the bot's setting."""
    expect: Expectation | None = field(default=None, kw_only=True)
    """None: what its choices, digits or value say."""
    commands: tuple[Command, ...] = field(default=(), kw_only=True)
    help: str | None = field(default=None, kw_only=True)
    """What a command for help says."""
    silent: Silent = field(default=Silent(), kw_only=True)
    languages: tuple[str, ...] = field(default=(), kw_only=True)
    """In which its choices and commands are listened for (BCP 47), besides its own; that of the answer is the call's
    from there on."""

    @property
    def hears_values(self) -> bool:
        """Whether it listens to speech even where its choices and commands have no phrases."""
        return False

    @abstractmethod
    def question(self) -> Question:
        """The question to listen for."""

    @abstractmethod
    def branch(self, run: Run, answer: Answer) -> Enter | None:
        """Where an answer leads to; None: it is no answer to this question."""

    @abstractmethod
    def offer(self, run: Run) -> str:
        """What is said, behind an apology, when the recogniser fails."""

    def reprompt(self, run: Run, answer: Answer) -> str | None:
        """What is said after this answer, which is none; None: what the retry rules say."""
        return None

    @property
    def retries(self) -> tuple[tuple[str, Retry], ...]:
        """The retry rules with their names in a flow file."""
        return (("no_input", self.no_input), ("no_match", self.no_match))

    def retry_exits(self) -> tuple[Exit, ...]:
        """Where it leads without an answer."""
        return tuple(Exit((key, "then"), retry.then) for key, retry in self.retries)

    def ways(self) -> tuple[Exit, ...]:
        """See Step."""
        led = tuple(
            Exit(("commands", each.choice.name, "next"), each.next) for each in self.commands if each.next is not None
        )
        silent = () if self.silent.then is None else (Exit(("silent", "then"), self.silent.then),)
        return (*Step.ways(self), *led, *silent)

    def chosen_languages(self) -> tuple[str, ...]:
        """See Step."""
        return (*self.languages, *(each.language for each in self.commands if each.language is not None))

    def edges(self) -> dict[str, str]:
        """See Step. Commands are none: they would be the same in every question."""
        again = {key: self.name for key, retry in self.retries if retry.attempts > 1}
        return Step.edges(self) | again

    def retry_texts(self) -> tuple[tuple[Path, str], ...]:
        """What it says when it asks again, and as help."""
        helping = () if self.help is None else ((("help",), self.help),)
        again = tuple(
            ((key, "reprompts", index), text)
            for key, retry in self.retries
            for index, text in enumerate(retry.reprompts)
        )
        return (*again, *helping)

    def after_silence(self) -> str | None:
        """See Step."""
        return self.no_input.then

    def enter(self, run: Run) -> Then:
        """See Step."""
        return self._ask(run, run.fill(self, self.prompt))

    def follow(self, run: Run, result: Result) -> Then:
        """See Step."""
        if not isinstance(result, Answer):
            return Step.follow(self, run, result)
        if result.kind is AnswerKind.SPEECH:
            self._speak_as_answered(run, result.language)
        given = next((each for each in self.commands if each.choice.name == result.choice), None)
        if given is not None and result.kind in (AnswerKind.SPEECH, AnswerKind.DTMF):
            return self._execute(run, given)
        return self.branch(run, result) or self._again(run, result)

    def question_in(self, run: Run) -> Question:
        """See Step."""
        answered_in, language = run.answered_in(self), run.language(self)
        question = self.asked_in(answered_in, run.catalogue)
        if self.languages:
            question = self._in_others(question, answered_in, run.catalogue)
        return question if question.language == language else replace(question, language=language)

    def _in_others(self, question: Question, answered_in: str | None, catalogue: Catalogue) -> Question:
        others = tuple(
            (language, self.asked_in(language, catalogue).choices)
            for language in self.languages
            if primary(language) != primary(answered_in or "en")
        )
        speech = question.speech or any(choice.phrases for _, choices in others for choice in choices)
        return replace(question, others=others, speech=speech)

    def full_question(self) -> Question:
        """The question, with the commands that hold in it."""
        return with_commands(self.question(), self.commands)

    def asked_in(self, language: str | None, catalogue: Catalogue) -> Question:
        """The full question in a language, as a flow's `catalogue` has it: of keys alone where no phrase is left."""
        question = catalogue.question(self.full_question(), language)
        speech = self.hears_values or any(choice.phrases for choice in question.choices)
        return question if question.speech == speech else replace(question, speech=speech)

    def _speak_as_answered(self, run: Run, language: str | None) -> None:
        """The call goes on in the language of an answer; a step with its own does not tell which the call has now."""
        if language is not None and (self.language is not None or language != run.answered_in(self)):
            run.speak(language)

    def _execute(self, run: Run, command: Command) -> Then:
        by = f"commands.{command.choice.name}"
        if command.next is not None:
            return Enter(command.next, by)
        if command.language is not None:
            run.speak(command.language)
        if command.does is Does.BACK and (before := run.question_before()) is not None:
            return Enter(before, by)
        text = self.help if command.does is Does.HELP and self.help is not None else self.prompt
        return Again(self._ask(run, run.fill(self, text)), by)

    def _ask(self, run: Run, text: str) -> AskFor:
        question = self.question_in(run)
        if self._by_keys_alone(run):
            question = replace(question, speech=False, by_keys=True)
        return AskFor(run.prompt(self, text, barge_in=self.barge_in), question)

    def _by_keys_alone(self, run: Run) -> bool:
        rules = ((AnswerKind.NO_INPUT, self.no_input), (AnswerKind.NO_MATCH, self.no_match))
        return any(
            rule.keys_only_after is not None and run.counts[kind] >= rule.keys_only_after for kind, rule in rules
        )

    def _again(self, run: Run, answer: Answer) -> Then:
        # Speech or keys that fit no branch are a no-match, whatever the listener made of them.
        kind = answer.kind if answer.kind in COUNTED else AnswerKind.NO_MATCH
        run.counts[kind] += 1
        count = run.counts[kind]
        if kind is AnswerKind.NO_INPUT and (silences := run.silent_again()) >= self.silent.most:
            if self.silent.then is None:
                return HangUp()
            if silences == self.silent.most:  # once: that step may ask, too
                return Enter(self.silent.then, "silent.then")
        retry = self.no_input if kind is AnswerKind.NO_INPUT else self.no_match
        if kind is AnswerKind.FAILED:
            # One more than no-matches: the answer was not judged, so even a single attempt gets an apology.
            if count > retry.attempts:
                return Enter(retry.then, kind)
            return Again(self._ask(run, behind(run.wording(self).apology, self.offer(run))), kind)
        if count >= retry.attempts:
            return Enter(retry.then, f"{kind}.then")
        if self._by_keys_alone(run):
            return Again(self._ask(run, self.offer(run)), kind)
        text = self.reprompt(run, answer) or retry.reprompt(count) or self.prompt
        return Again(self._ask(run, run.fill(self, text)), kind)

    def listening_problems(self, at: Path) -> Iterator[FlowProblem]:
        """What is wrong with how it listens."""
        wrong = tuple(self._number_problems(at))
        yield from wrong
        if wrong:
            return  # there is no question with these numbers
        for key, retry in self.retries:
            if retry.keys_only_after is not None:
                yield from self._keys_problems(retry, (*at, key, "keys_only_after"))
        yield from command_problems(self.commands, self.question(), at)
        yield from _languages_problems(self.languages, (*at, "languages"))

    def _number_problems(self, at: Path) -> Iterator[FlowProblem]:
        yield from out_of_range(self.silence_ms, limits.MIN_SILENCE_MS, limits.MAX_SILENCE_MS, (*at, "silence_ms"))
        yield from out_of_range(self.timeout_s, limits.MIN_TIMEOUT_S, limits.MAX_TIMEOUT_S, (*at, "timeout_s"))
        for key, value in (("min_confidence", self.min_confidence), ("confirm_below", self.confirm_below)):
            if value is not None:
                yield from out_of_range(value, limits.MIN_CONFIDENCE, limits.MAX_CONFIDENCE, (*at, key))
        for key, retry in self.retries:
            yield from _retry_problems(retry, (*at, key))
        yield from out_of_range(self.silent.most, 1, limits.MAX_SILENCES, (*at, "silent", "most"))

    def _keys_problems(self, retry: Retry, at: Path) -> Iterator[FlowProblem]:
        """What is wrong with listening for keys alone in the end."""
        question = self.question()
        if not 1 <= (retry.keys_only_after or 0) < retry.attempts:
            what = f"keys_only_after is {retry.keys_only_after}"
            why = f"with {retry.attempts} attempts {retry.attempts - 1} failures are followed by another question"
            yield FlowProblem(what, why, f"more `attempts` than `{at[-1]}`", at)
        keyless = next((choice.name for choice in question.choices if choice.dtmf is None), None)
        if keyless is not None or (not question.choices and question.digits is None):
            what = "nothing is left to answer with" if keyless is None else f"choice `{keyless}` has no key"
            why = f"after `{at[-1]}` failures only keys are listened for"
            yield FlowProblem(what, why, "give it a key: `key: 1`, or remove `keys_only_after`", at)


def _languages_problems(languages: Sequence[str], at: Path) -> Iterator[FlowProblem]:
    for index, language in enumerate(languages):
        if not is_language_tag(language):
            why = "a language is a BCP 47 tag: two or three letters, perhaps a region"
            yield FlowProblem(f"`{language[:40]}` is not a language", why, "type `[en, es]`", (*at, index))
    once = {primary(each) for each in languages}
    if languages and (len(once) < len(languages) or not 2 <= len(once) <= limits.MAX_LANGUAGES):
        why = f"2 to {limits.MAX_LANGUAGES} are listened for at once, each once"
        yield FlowProblem(
            f"`{', '.join(languages)[:60]}` cannot be distinguished", why, "type `languages: [en, es]`", at
        )


def _retry_problems(retry: Retry, at: Path) -> Iterator[FlowProblem]:
    yield from out_of_range(retry.attempts, 1, limits.MAX_ATTEMPTS, (*at, "attempts"))
    yield from reprompt_problems(retry.reprompts, retry.attempts, at)


def reprompt_problems(reprompts: Sequence[str], attempts: int, at: Path) -> Iterator[FlowProblem]:
    """The first of them that would never be said, of a question that is asked so often."""
    spoken = max(attempts, 1) - 1
    if len(reprompts) > spoken:
        what = f"reprompt {spoken + 1} is never spoken"
        why = f"{attempts} attempts are the prompt itself and {spoken} more"
        todo = f"set `attempts: {len(reprompts) + 1}`, or remove it"
        yield FlowProblem(what, why, todo, (*at, "reprompts", spoken))
