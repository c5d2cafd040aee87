"""Checks before the first call that the engines know a flow's words, languages and voices."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from offhook.engines.chains import asr_engines, languages_of, tts_engines
from offhook.engines.languages import EngineLanguages
from offhook.engines.registry import GivenEngines
from offhook.pipeline.asr.grammar import unknown_words
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.spoken_ssml import languages
from offhook.pipeline.dialog.ssml import is_ssml
from offhook.pipeline.dialog.steps.ask import Ask
from offhook.pipeline.dialog.steps.listening import ListeningStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.config import Config
from offhook.usererror import Problem, UserError


@runtime_checkable
class LimitedVocabulary(Protocol):
    """A recogniser that can say which words it knows."""

    def known_word(self, word: str) -> bool:
        """Whether it knows the word, in lower case. Raises EngineError."""
        ...


def check_flow(flow: Flow, path: Path | None, config: Config, given: GivenEngines, language: str) -> None:
    """Raises UserError for texts and answers in a language that the voice or the recogniser does not know, for voices
    that there are not or that speak another language, and for phrases with a word that no recogniser knows, all being
    a LimitedVocabulary: one makes it refuse the whole question.

    `language` is the calls', for steps of a flow without one.
    """
    asr = asr_engines(config, given)
    known = languages_of(asr, tts_engines(config, given))
    limited = [engine for engine in asr.values() if isinstance(engine, LimitedVocabulary)]
    lines = path.read_text(encoding="utf-8").splitlines() if path is not None else []
    problems = list(_unknown_languages(flow, path, lines, known, language))
    problems += _wrong_voices(flow, path, lines, known, language)
    if not problems and len(limited) == len(asr):
        problems = [
            Problem(
                f"the recogniser does not know the word `{unknown.word}`",
                f"it is in the phrase `{unknown.phrase}`, and not in the dictionary of {known.asr_name}",
                "another word, or its parts as separate words; keys need no words",
                _where(path, _line_with(lines, re.escape(unknown.phrase))),
            )
            for step in flow.steps.values()
            if isinstance(step, Ask)
            for unknown in unknown_words(
                [option.choice for option in step.options], lambda word: any(each.known_word(word) for each in limited)
            )
        ]
    if problems:
        raise UserError.of(problems)


def _unknown_languages(
    flow: Flow, path: Path | None, lines: list[str], known: EngineLanguages, language: str
) -> Iterator[Problem]:
    """One problem for each language of each engine, at the first step that needs it."""
    seen = set()
    for step in flow.steps.values():
        spoken = step.language or flow.language or language
        where = _where(path, _line_of_language(lines, step, flow))
        instead = "keys in place of phrases"
        checks = {
            ("tts", spoken): known.problem("tts", spoken, where=where) if step.texts() else None,
            ("asr", spoken): known.problem("asr", spoken, instead, where) if _listens(step) else None,
        }
        for other in dict.fromkeys(each for _, text in step.texts() if is_ssml(text) for each in languages(text)):
            at = _where(path, _line_with(lines, rf"xml:lang=\\?[\"']{re.escape(other)}\b"))
            checks.setdefault(("tts", other), known.problem("tts", other, "no `<lang>` of it", at))
        for key, problem in checks.items():
            if problem is not None and key not in seen:
                seen.add(key)
                yield problem


def _wrong_voices(
    flow: Flow, path: Path | None, lines: list[str], known: EngineLanguages, language: str
) -> Iterator[Problem]:
    """One problem for each voice and language, at the first step that needs it."""
    seen = set()
    for step in flow.steps.values():
        voice = flow.voice_of(step)
        spoken = step.language or flow.language or language
        if voice is None or not step.texts() or (voice, spoken) in seen:
            continue
        seen.add((voice, spoken))
        of_step = step if step.voice is not None else None
        problem = known.voice_problem(voice, spoken, _where(path, _line_of("voice", lines, of_step)))
        if problem is not None:
            yield problem


def _listens(step: Step) -> bool:
    return isinstance(step, ListeningStep) and step.question().speech


def _line_of_language(lines: list[str], step: Step, flow: Flow) -> int | None:
    if step.language is not None:
        return _line_of("language", lines, step)
    return _line_of("language", lines, None) if flow.language is not None else None


def _line_of(key: str, lines: list[str], step: Step | None) -> int | None:
    """The line of a step's key; None: of the flow's."""
    if step is None:
        return _line_with(lines, rf"^['\"]?{key}['\"]?\s*:")
    at = _line_with(lines, rf"^\s+['\"]?{re.escape(step.name)}['\"]?\s*:")
    return _line_with(lines, rf"\b{key}['\"]?\s*:", at or 0)


def _line_with(lines: list[str], pattern: str, start: int = 0) -> int | None:
    found = re.compile(pattern)
    return next((at for at in range(start, len(lines)) if found.search(lines[at])), None)


def _where(path: Path | None, line: int | None) -> str:
    return "" if path is None else str(path) if line is None else f"{path}:{line + 1}"
