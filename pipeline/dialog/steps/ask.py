"""`ask`: a question with a few answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from offhook.pipeline.dialog import limits
from offhook.pipeline.dialog.hints import key_hint, phrase_hint
from offhook.pipeline.dialog.one_of import worded
from offhook.pipeline.dialog.problem import FlowProblem, Path
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.step import Enter, Exit, Run
from offhook.pipeline.dialog.template import render
from offhook.pipeline.dialog.wording import Wording
from offhook.pipeline.events import Answer, AnswerKind, Choice, Question
from offhook.pipeline.understanding.menu import match


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of an `Ask` and the step it leads to."""

    choice: Choice
    next: str


@dataclass(frozen=True, slots=True)
class Ask(ListeningStep):
    """Ask a question with a few answers, by speech or key."""

    options: tuple[Option, ...]

    def question(self) -> Question:
        """See ListeningStep."""
        choices = tuple(option.choice for option in self.options)
        return Question(
            choices=choices,
            speech=any(choice.phrases for choice in choices),
            silence_ms=self.silence_ms,
            no_input_ms=round(self.timeout_s * 1000),
            min_confidence=self.min_confidence,
            language=self.language,
            confirm_below=self.confirm_below,
            expect=self.expect,
        )

    def exits(self) -> tuple[Exit, ...]:
        """See Step."""
        chosen = tuple(Exit(("choices", option.choice.name, "next"), option.next) for option in self.options)
        return (*chosen, *self.retry_exits())

    def texts(self) -> tuple[tuple[Path, str], ...]:
        """See Step."""
        return (*worded(("ask",), self.prompt), *self.retry_texts())

    def branch(self, run: Run, answer: Answer) -> Enter | None:
        """See ListeningStep."""
        if answer.kind is AnswerKind.SPEECH:
            found = match(answer.text, [o.choice for o in self.options], run.answered_in(self))
            fits = [o for o in self.options if found is not None and o.choice.name == found.choice]
        elif answer.kind is AnswerKind.DTMF:
            fits = [o for o in self.options if answer.digits and o.choice.dtmf == answer.digits]
        else:
            return None
        named = [o for o in self.options if o.choice.name == answer.choice]
        option = next(iter(named or fits), None)
        return None if option is None else Enter(option.next, f"choices.{option.choice.name}")

    def offer(self, run: Run) -> str:
        """See ListeningStep."""
        wording = run.wording(self)
        offers = [
            _offer(wording, option.choice.name, option.choice.dtmf) for option in self.options if option.choice.dtmf
        ]
        return f"{wording.keypad}: {', '.join(offers)}." if offers else run.fill(self, self.prompt)

    def problems(self, at: Path, constants: Mapping[str, str]) -> Iterator[FlowProblem]:
        """See Step."""
        yield from self._size_problems(at)
        said: dict[str, str] = {}
        pressed: dict[str, str] = {}
        names: set[str] = set()
        for option in self.options:
            choice = option.choice
            path = (*at, "choices", choice.name)
            if choice.name in names:
                what = f"two choices are called `{choice.name}`"
                yield FlowProblem(what, "answers go by name", "rename one", path)
            names.add(choice.name)
            if not choice.phrases and choice.dtmf is None:
                why = "it has neither a phrase nor a key"
                todo = f"add `phrases: [{choice.name.replace('_', ' ')}]` or `key: 1`"
                yield FlowProblem(f"choice `{choice.name}` can never be chosen", why, todo, path)
            for index, phrase in enumerate(choice.phrases):
                yield from _phrase_problems(phrase, choice.name, said, (*path, "phrases", index))
            if choice.dtmf is not None:
                yield from _key_problems(choice.dtmf, choice.name, pressed, (*path, "key"))
        yield from self.listening_problems(at)

    def _size_problems(self, at: Path) -> Iterator[FlowProblem]:
        what, path = f"step `{self.name}` has", (*at, "choices")
        phrases = sum(len(option.choice.phrases) for option in self.options)
        if not self.options:
            yield FlowProblem(f"{what} no choices", "the question has no answers", "add one to `choices`", path)
        if len(self.options) > limits.MAX_CHOICES:
            why = f"at most {limits.MAX_CHOICES} are listened for"
            yield FlowProblem(f"{what} {len(self.options)} choices", why, "ask in two steps", path)
        if phrases > limits.MAX_QUESTION_PHRASES:
            why = f"at most {limits.MAX_QUESTION_PHRASES} are listened for at once"
            yield FlowProblem(f"{what} {phrases} phrases", why, "ask in two steps", path)
        for option in self.options:
            if len(option.choice.phrases) > limits.MAX_CHOICE_PHRASES:
                why = f"a choice has at most {limits.MAX_CHOICE_PHRASES}"
                at_phrases = (*path, option.choice.name, "phrases")
                yield FlowProblem(f"{len(option.choice.phrases)} phrases", why, "keep the most likely ones", at_phrases)


def _offer(wording: Wording, choice: str, key: str) -> str:
    spoken = {"*": wording.star, "#": wording.hash}.get(key, key)
    return render(wording.option, {"choice": choice.replace("_", " "), "key": spoken})


def _sound(phrase: str) -> str:
    """A key that is equal for phrases that sound the same (in `pipeline.understanding.menu.match`, too)."""
    words = phrase.lower().replace("’", "'").replace("-", " ").split()
    return " ".join("zero" if word == "oh" else word for word in words)


def _phrase_problems(phrase: str, choice: str, said: dict[str, str], path: Path) -> Iterator[FlowProblem]:
    key = _sound(phrase)
    odd = sorted({c for c in key if not (c.isalpha() or c in " '’-")})
    if not any(c.isalpha() for c in key):
        todo = "write words; keys go to `key: 1`"
        yield FlowProblem(f"phrase `{phrase}` has no word", "a phrase is what the caller says", todo, path)
    elif odd:
        why = "a phrase consists of words as they are spoken, without " + " ".join(odd)
        yield FlowProblem(f"phrase `{phrase}` cannot be recognised", why, phrase_hint(phrase), path)
    elif len(key) > limits.MAX_PHRASE_CHARS:
        why = f"at most {limits.MAX_PHRASE_CHARS} characters are listened for"
        yield FlowProblem("the phrase is too long", why, "keep the words that matter", path)
    if key in said:
        where = "twice in one choice" if said[key] == choice else f"for `{said[key]}` and for `{choice}`"
        yield FlowProblem(f"phrase `{phrase}` appears {where}", "it can mean one thing only", "remove one", path)
    said[key] = choice


def _key_problems(key: str, choice: str, pressed: dict[str, str], path: Path) -> Iterator[FlowProblem]:
    if len(key) != 1 or key not in limits.KEYS:
        why = "a phone has the keys 0 to 9, * and # (and A to D)"
        yield FlowProblem(f"`{key}` is not a key", why, key_hint(key), path)
    elif key in pressed:
        why = "a key can mean one thing only"
        yield FlowProblem(
            f"key {key} stands for `{pressed[key]}` and for `{choice}`", why, "give one another key", path
        )
    pressed[key] = choice
