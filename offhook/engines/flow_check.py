"""Checks before the first call that the engines know a flow's words, languages and voices."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from offhook.engines.chains import asr_engines, languages_of, tts_engines
from offhook.engines.languages import EngineLanguages
from offhook.engines.registry import GivenEngines
from offhook.pipeline.asr.grammar import unknown_words
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.scopes import local
from offhook.pipeline.dialog.spoken_ssml import languages
from offhook.pipeline.dialog.ssml import is_ssml
from offhook.pipeline.dialog.steps.call import CallStep
from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.record import RecordStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.take import TakeStep
from offhook.pipeline.events import Choice
from offhook.pipeline.language import primary
from offhook.pipeline.understanding.directory import Listed
from offhook.pipeline.understanding.kinds import Text
from offhook.settings.config import Config
from offhook.settings.mail import no_mailbox
from offhook.settings.queues import no_queue
from offhook.usererror import Problem, UserError


@runtime_checkable
class LimitedVocabulary(Protocol):
    """A recogniser that can say which words it knows."""

    def known_word(self, word: str) -> bool:
        """Whether it knows the word, in lower case. Raises EngineError."""
        ...


def check_flow(flow: Flow, path: Path | None, config: Config, given: GivenEngines, language: str) -> None:
    """Raises UserError for texts and answers in a language that the voice or the recogniser does not know, for voices
    that there are not or that speak another language, for queues that the settings do not have, and for phrases with a
    word that no recogniser knows, all being a LimitedVocabulary: one makes it refuse the whole question.

    `language` is the calls', for steps of a flow without one.
    """
    asr = asr_engines(config, given)
    known = languages_of(asr, tts_engines(config, given))
    limited = [engine for engine in asr.values() if isinstance(engine, LimitedVocabulary)]
    files = _Files(flow, path)
    problems = list(_unknown_languages(flow, files, known, language))
    problems += _wrong_voices(flow, files, known, language)
    problems += _unknown_queues(flow, files, config)
    problems += _unknown_mailboxes(flow, files, config)
    if not any(engine.capabilities.free_speech for engine in asr.values()):
        problems += _free_speech(flow, files, known)
    if not problems and len(limited) == len(asr):
        is_known = cache(lambda word: any(each.known_word(word) for each in limited))
        problems = [
            Problem(
                f"the recogniser does not know the word `{unknown.word}`",
                f"it is in the phrase `{unknown.phrase}`, and not in the dictionary of {known.asr_name}",
                "another word, or its parts as separate words; keys need no words",
                files.where(step, partial(_line_with, pattern=re.escape(unknown.phrase))),
            )
            for step in flow.steps.values()
            if isinstance(step, ListeningStep)
            for unknown in unknown_words(list(_heard(flow, step, language)), is_known)
        ]
    if problems:
        raise UserError.of(problems)


def unheard_languages(
    flow: Flow, path: Path | None, config: Config, given: GivenEngines, language: str
) -> Iterator[Problem]:
    """The languages of questions that the recogniser does not listen for beside the first; `language` as for
    `check_flow`."""
    known = languages_of(asr_engines(config, given), tts_engines(config, given))
    files = _Files(flow, path)
    for step in flow.steps.values():
        if not isinstance(step, ListeningStep) or not step.languages:
            continue
        own = primary(step.language or flow.language or language)
        unheard = [each for each in step.languages if primary(each) != own and not known.hears_besides(each)]
        if unheard:
            listed = ", ".join(f"`{each}`" for each in unheard)
            why = f"{known.asr_name} hears one language at a time" if not known.asr_mixes else "it does not know them"
            todo = "nothing, if keys are enough; or a recogniser that hears several, see docs/engines.md"
            what = f"step `{local(step.name)}` is not listened to in {listed} beside the call's language"
            yield Problem(what, why, todo, files.where(step, partial(_line_of, "languages", step)))


class _Files:
    """The lines of the files that a flow and its sub-flows are written in. `path` is the flow's; None: it has none."""

    def __init__(self, flow: Flow, path: Path | None) -> None:
        self._path = path
        called = [step for step in flow.steps.values() if isinstance(step, CallStep)]
        self._by_scope = {step.name: Path(step.sub_flow.file) for step in called if step.sub_flow.file}
        self._lines = cache(lambda path: path.read_text(encoding="utf-8").splitlines())

    def where(self, step: Step | None, find: Callable[[list[str]], int | None]) -> str:
        """FILE:LINE of what `find` finds in the lines of a step's file (None: the flow's); the file if it finds
        nothing."""
        if self._path is None:
            return ""
        path = self._path if step is None else self._by_scope.get(step.scope, self._path)
        line = find(self._lines(path))
        return str(path) if line is None else f"{path}:{line + 1}"


def _free_speech(flow: Flow, files: _Files, known: EngineLanguages) -> Iterator[Problem]:
    """The steps that no recogniser of phrases alone can do."""
    for step in flow.steps.values():
        if isinstance(step, Collect) and isinstance(step.value, Text | Listed):
            why = f"{known.asr_name} recognises phrases alone"
            todo = 'a recogniser of free speech, such as `[asr] engine = "whisper"`'
            where = files.where(step, partial(_line_of, "as", step))
            yield Problem(f"step `{local(step.name)}` needs free speech", why, todo, where)


def _unknown_languages(flow: Flow, files: _Files, known: EngineLanguages, language: str) -> Iterator[Problem]:
    """One problem for each language of each engine, at the first step that needs it."""
    seen = set()
    for step in flow.steps.values():
        for need in _needed(flow, step, language):
            if (need.part, need.language) in seen:
                continue
            seen.add((need.part, need.language))
            problem = known.problem(need.part, need.language, need.todo)
            if problem is not None:
                yield replace(problem, where=files.where(need.step, need.find) or problem.where)


@dataclass(frozen=True, slots=True)
class _Need:
    """A language that a step needs of an engine; `find` finds the line that says so, in the file of `step`."""

    part: Literal["asr", "tts"]
    language: str
    todo: str
    step: Step | None
    find: Callable[[list[str]], int | None]


def _needed(flow: Flow, step: Step, language: str) -> Iterator[_Need]:
    written, find = step if step.language else None, partial(_line_of_language, step, flow)
    for spoken in flow.languages_of(step, language):
        if step.texts() or isinstance(step, QueueStep):  # callers hear their place in it
            yield _Need("tts", spoken, "", written, find)
        if isinstance(step, ListeningStep) and step.asked_in(spoken, flow.catalogue).speech:
            yield _Need("asr", spoken, "keys in place of phrases", written, find)
    for other in dict.fromkeys(each for _, text in step.texts() if is_ssml(text) for each in languages(text)):
        named = partial(_line_with, pattern=rf"xml:lang=\\?[\"']{re.escape(other)}\b")
        yield _Need("tts", other, "no `<lang>` of it", step, named)


def _wrong_voices(flow: Flow, files: _Files, known: EngineLanguages, language: str) -> Iterator[Problem]:
    """One problem for each voice and language, at the first step that needs it."""
    seen = set()
    for step in flow.steps.values():
        voice = flow.voice_of(step)
        spoken = step.language or flow.language or language
        if voice is None or not step.texts() or (voice, spoken) in seen:
            continue
        seen.add((voice, spoken))
        of_step = step if step.voice is not None else None
        problem = known.voice_problem(voice, spoken, files.where(of_step, partial(_line_of, "voice", of_step)))
        if problem is not None:
            yield problem


def _unknown_queues(flow: Flow, files: _Files, config: Config) -> Iterator[Problem]:
    for step in flow.steps.values():
        if isinstance(step, QueueStep | TakeStep) and step.queue not in config.queues:
            (problem,) = no_queue(step.queue, list(config.queues)).problems
            key = "queue" if isinstance(step, QueueStep) else "take"
            yield replace(problem, where=files.where(step, partial(_line_of, key, step)))


def _unknown_mailboxes(flow: Flow, files: _Files, config: Config) -> Iterator[Problem]:
    for step in flow.steps.values():
        if isinstance(step, RecordStep) and step.mailbox and step.mailbox not in config.mail.boxes:
            (problem,) = no_mailbox(step.mailbox, list(config.mail.boxes)).problems
            yield replace(problem, where=files.where(step, partial(_line_of, "mailbox", step)))


def _heard(flow: Flow, step: ListeningStep, language: str) -> Iterator[Choice]:
    """The choices and commands of a question, in each of its languages."""
    for spoken in flow.languages_of(step, language):
        yield from step.asked_in(spoken, flow.catalogue).choices


def _line_of_language(step: Step, flow: Flow, lines: list[str]) -> int | None:
    if step.language is not None:
        return _line_of("language", step, lines)
    return _line_of("language", None, lines) if flow.language is not None else None


def _line_of(key: str, step: Step | None, lines: list[str]) -> int | None:
    """The line of a step's key, or of that at the top where it has none; None for `step`: that at the top."""
    top = _line_with(lines, rf"^['\"]?{key}['\"]?\s*:")
    if step is None:
        return top
    at = _line_with(lines, rf"^\s+['\"]?{re.escape(local(step.name))}['\"]?\s*:")
    return _line_with(lines, rf"\b{key}['\"]?\s*:", at or 0) or top


def _line_with(lines: list[str], pattern: str, start: int = 0) -> int | None:
    found = re.compile(pattern)
    return next((at for at in range(start, len(lines)) if found.search(lines[at])), None)
