"""The languages of a bot's engines, and the errors for one that they lack."""

from collections.abc import Mapping
from dataclasses import dataclass

from offhook.pipeline.chain.spending import Part
from offhook.pipeline.language import is_language_tag, known_as, primary
from offhook.usererror import Problem, UserError, did_you_mean

MAX_LISTED = 12
"""Languages named in an error."""


@dataclass(frozen=True, slots=True)
class EngineLanguages:
    """The languages that the recogniser and the voice support, as BCP 47 tags; none: any.

    `voices` are the names of the voice engine's voices, and the language of each ("": any); None: not known.
    `asr_mixes`: the recogniser hears several of its languages in one turn.
    """

    asr_name: str = "asr"
    asr: tuple[str, ...] = ()
    tts_name: str = "tts"
    tts: tuple[str, ...] = ()
    voices: Mapping[str, str] | None = None
    asr_mixes: bool = True

    def check_voice(self, voice: str) -> None:
        """Raises UserError if the voice engine has no voice of that name."""
        problem = self.voice_problem(voice)
        if problem is not None:
            raise UserError.of([problem])

    def voice_problem(self, voice: str, language: str | None = None, where: str = "") -> Problem | None:
        """What is wrong if the voice engine has no voice of that name, or if it cannot speak texts in `language`."""
        if self.voices is None:
            return None
        # espeak-ng has variants of each voice: "de+f3".
        name = voice if voice in self.voices else voice.partition("+")[0].lower()
        if name not in self.voices:
            return Problem(
                f"the tts engine {self.tts_name!r} has no voice {voice!r}",
                f"it has {_listed(tuple(self.voices))}" if self.voices else "it has one voice",
                did_you_mean(voice, list(self.voices)) if self.voices else "leave `voice` out",
                where,
            )
        speaks = self.voices[name]
        if language is None or not speaks or _is_one(speaks, language):
            return None
        others = [each for each, tag in self.voices.items() if not tag or _is_one(tag, language)]
        return Problem(
            f"the voice {voice!r} does not speak {language!r}",
            f"it speaks {speaks!r}",
            f"{f'`voice: {others[0]}`' if others else 'leave `voice` out'}, or `language: {speaks}`",
            where,
        )

    def check(self, part: Part, language: str, todo: str = "", where: str = "") -> None:
        """Raises UserError if the recogniser (asr) or the voice (tts) lacks the language, ValueError for an odd tag."""
        check_tag(language)
        problem = self.problem(part, language, todo, where)
        if problem is not None:
            raise UserError.of([problem])

    def hears_besides(self, language: str) -> bool:
        """Whether the recogniser listens for this language beside another one."""
        return self.asr_mixes and known_as(self.asr, language) is not None

    def problem(self, part: Part, language: str, todo: str = "", where: str = "") -> Problem | None:
        """What is wrong if the engine lacks the language. `todo` is tried first; another engine always helps."""
        name, languages = (self.asr_name, self.asr) if part == "asr" else (self.tts_name, self.tts)
        if known_as(languages, language) is not None:
            return None
        todo = f"{todo}, or another engine below `[{part}]`" if todo else f"another engine below `[{part}]`"
        return Problem(
            f"the {part} engine {name!r} does not know the language {language!r}",
            f"it knows {_listed(languages)}",
            todo,
            where or f"[{part}] engine",
        )


def check_tag(language: str) -> None:
    """Raises ValueError for what is not a BCP 47 tag."""
    if not is_language_tag(language):
        raise ValueError(f"{language!r} is not a language: it is a BCP 47 tag, such as en, en-GB or de")


ANY_LANGUAGE = EngineLanguages()

_FAMILIES = {"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no"}
"""Languages that are also called by the name of their family."""


def _is_one(one: str, other: str) -> bool:
    """Whether the two are the same language, whatever kind of it."""
    bases = [primary(tag) for tag in (one, other)]
    return len({_FAMILIES.get(base, base) for base in bases}) == 1


def _listed(languages: tuple[str, ...]) -> str:
    more = len(languages) - MAX_LISTED
    return ", ".join(languages[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
