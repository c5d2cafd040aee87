"""A persona: who calls in place of the steps of a script, and what became of it in a call. Frozen values."""

from dataclasses import dataclass, field

from offhook.llm.model import ToolCall
from offhook.qa.script.steps import Step

USUAL_TURNS = 20


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """A language model behind Chat Completions. `base_url` empty: OpenAI's own. `api_key_env` names the variable that
    has the key; empty: there is none, or OPENAI_API_KEY for OpenAI."""

    name: str
    base_url: str = ""
    api_key_env: str = ""


@dataclass(frozen=True, slots=True)
class Persona:
    """What a caller wants, how they behave, and what they know (name and value). `turns`: how often they may answer.
    `model` None: that of the settings."""

    goal: str
    temperament: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    turns: int = USUAL_TURNS
    model: ModelAddress | None = None

    def is_like(self, other: "Persona") -> bool:
        """Whether the other is the same person with the same goal, whatever plays them."""
        return (self.goal, self.temperament, self.facts) == (other.goal, other.temperament, other.facts)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a persona heard since it did something: the far end's turns in a recogniser's words, and those that the
    persona cut off. Both empty: silence."""

    said: tuple[str, ...] = ()
    cut_off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model wrote. `refused`: why it could not be used; empty: it was."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of a persona: what it heard, what it did, and what the model wrote for that, the refused first."""

    heard: Heard
    steps: tuple[Step, ...]
    answers: tuple[Answer, ...] = field(default=(), compare=False)
