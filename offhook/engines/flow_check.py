"""Checks before the first call that the recogniser knows all words of a flow."""

from pathlib import Path
from typing import Protocol, runtime_checkable

from offhook.engines.registry import make_asr
from offhook.pipeline.asr.grammar import unknown_words
from offhook.pipeline.dialog.flow import Ask, Flow
from offhook.settings.config import Config
from offhook.usererror import Problem, UserError


@runtime_checkable
class LimitedVocabulary(Protocol):
    """A recogniser that can say which words it knows."""

    def known_word(self, word: str) -> bool:
        """Whether it knows the word, in lower case. Raises EngineError."""
        ...


def check_vocabulary(flow: Flow, path: Path | None, config: Config) -> None:
    """Raises UserError for phrases with words that a LimitedVocabulary does not know.

    One unknown word makes it refuse the whole question.
    """
    engine = make_asr(config)
    if not isinstance(engine, LimitedVocabulary):
        return
    text = path.read_text(encoding="utf-8").splitlines() if path is not None else []
    problems = [
        Problem(
            f"the recogniser does not know the word `{unknown.word}`",
            f"it is in the phrase `{unknown.phrase}`, and not in the dictionary of {config.asr.engine}",
            "another word, or its parts as separate words; keys need no words",
            _where(path, text, unknown.phrase),
        )
        for step in flow.steps.values()
        if isinstance(step, Ask)
        for unknown in unknown_words([option.choice for option in step.options], engine.known_word)
    ]
    if problems:
        raise UserError.of(problems)


def _where(path: Path | None, text: list[str], phrase: str) -> str:
    number = next((number for number, line in enumerate(text, 1) if phrase in line), None)
    return "" if path is None else str(path) if number is None else f"{path}:{number}"
