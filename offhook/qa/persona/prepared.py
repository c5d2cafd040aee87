"""A script's persona before, in and after its call: from its recording, or played by a model and then recorded."""

import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from offhook.llm.chain import ChainModel
from offhook.llm.registry import make_chain
from offhook.qa.persona.asked import AskedModel, PersonaError, Speak, answer_of
from offhook.qa.persona.recording import (
    Opinion,
    PersonaRecording,
    exchange_as_dict,
    path_of,
    read_recording,
    write_recording,
)
from offhook.qa.persona.runner import AskingRunner, PersonaRunner, ReplayRunner
from offhook.qa.persona.wording import advice
from offhook.qa.script.events import Ask, Decided
from offhook.qa.script.persona import Persona
from offhook.qa.script.script import Script
from offhook.settings.config import Config
from offhook.settings.conversation_sections import LlmConfig
from offhook.usererror import Problem, UserError

MODEL = "persona"
"""What the model of a script is called, in place of a name below `[llm]`."""

FIRST_TOKEN_S = 20.0
MAX_OPINION_CHARS = 600
RECORD_ANEW = "offhook qa run … --record-personas"


@dataclass(frozen=True, slots=True)
class PersonaReport:
    """What is told of a persona's call beside the verdict."""

    details: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class PreparedPersona:
    """A persona that can be called with: one call after the other, each by a `runner` of its own."""

    def __init__(
        self, script: Script, persona: Persona, recogniser: str, played_by: PersonaRecording | tuple[ChainModel, Speak]
    ) -> None:
        self._script = script
        self._persona = persona
        self._recogniser = recogniser
        self._recording = played_by if isinstance(played_by, PersonaRecording) else None
        self._model = played_by[0] if isinstance(played_by, tuple) else None
        self._asked = AskedModel(persona, *played_by) if isinstance(played_by, tuple) else None

    def runner(self) -> PersonaRunner:
        """For one call."""
        return AskingRunner(self._persona) if self._recording is None else ReplayRunner(self._recording.exchanges)

    async def decide(self, ask: Ask) -> Decided:
        """See AskedModel. Raises PersonaError."""
        if self._asked is None:
            raise PersonaError("the persona cannot be asked", "it is replayed")
        return await self._asked.decide(ask)

    async def report(self, runner: PersonaRunner) -> PersonaReport:
        """After the call: records it if it was played by a model to its end, and asks the adviser. Raises UserError."""
        replayed = self._recording is not None
        path = path_of(self._script.where)
        opinion, problem = await self._opinion(runner)
        notes = [f"persona: {len(runner.exchanges)} turns, replayed from {path}"] if replayed else []
        if self._model is not None:
            about = f"persona: {len(runner.exchanges)} turns, played by {self._model.name}"
            if runner.failure is None:
                write_recording(
                    path, PersonaRecording(self._persona, self._recogniser, runner.exchanges, self._model.name, opinion)
                )
                notes.append(f"{about}, recorded in {path}")
            else:
                notes.append(f"{about}, not recorded")
        if opinion is not None:
            when = " (of the recorded call)" if replayed else ""
            notes.append(f"adviser{when}: {opinion.question} {opinion.answer}")
        elif problem:
            notes.append(f"adviser: {problem}")
        details: dict[str, Any] = {
            "persona": {
                "replayed": replayed,
                "model": self._recording.model if self._recording is not None else getattr(self._model, "name", ""),
                "exchanges": [exchange_as_dict(each) for each in runner.exchanges],
            }
        }
        if self._script.question:
            details["adviser"] = {
                "question": self._script.question,
                "answer": None if opinion is None else opinion.answer,
                "of_recording": replayed,
                "problem": problem,
            }
        return PersonaReport(details, tuple(notes))

    async def _opinion(self, runner: PersonaRunner) -> tuple[Opinion | None, str]:
        """An adviser's; or why there is none, which changes no verdict."""
        question = self._script.question
        if not question:
            return None, ""
        if self._recording is not None:
            known = self._recording.opinion
            is_known = known is not None and known.question == question
            return (known, "") if is_known else (None, "not asked: the persona was recorded without this question")
        assert self._model is not None, "who is not replayed is played"
        try:
            answer = await answer_of(self._model, advice(question, runner.exchanges, runner.heard()))
        except PersonaError as error:
            return None, f"not asked: {error.why}"
        text = " ".join(answer.text.split())[:MAX_OPINION_CHARS]
        return (Opinion(question, text), "") if text else (None, "it wrote nothing")


class Personas:
    """The personas of a run; models are started when they are first needed, and closed with the run."""

    def __init__(self, config: Config, record: bool, stack: AsyncExitStack) -> None:
        self._config = config
        self._record = record
        self._stack = stack
        self._played: set[str] = set()  # anew, in this run

    def recording_of(self, script: Script) -> PersonaRecording | None:
        """What is replayed; None: a model plays. A recording is made anew once, and then replayed. Raises UserError."""
        plays = self._record and script.where not in self._played
        return None if plays or script.persona is None else persona_recording(script, self._config)

    async def prepare(self, script: Script, recording: PersonaRecording | None, speak: Speak) -> PreparedPersona | None:
        """None: the script has no persona. Raises UserError."""
        if script.persona is None:
            return None
        recogniser = recogniser_of(self._config)
        if recording is not None:
            return PreparedPersona(script, script.persona, recogniser, recording)
        self._played.add(script.where)
        model = make_chain(_model_settings(script, script.persona, self._config))
        self._stack.push_async_callback(model.close)
        await model.start()
        return PreparedPersona(script, script.persona, recogniser, (model, speak))


def recogniser_of(config: Config) -> str:
    """What personas hear by, as a recording has it."""
    engine = config.asr.engine
    return engine if isinstance(engine, str) else ", ".join(engine)


def persona_recording(script: Script, config: Config) -> PersonaRecording | None:
    """The recording beside a script with a persona; None: there is none. Raises UserError."""
    path = path_of(script.where)
    if script.persona is None or not path.exists():
        return None
    found = read_recording(path)
    if not found.persona.is_like(script.persona):
        why = "goal, temperament or facts differ from those in the script"
        raise UserError("the recording is of another persona", why, RECORD_ANEW, str(path))
    recogniser = recogniser_of(config)
    if found.recogniser != recogniser:
        why = f"by {found.recogniser}, and now by {recogniser}, which understands other words"
        todo = f'`[asr] engine = "{found.recogniser}"` in the file of --config, or {RECORD_ANEW}'
        raise UserError("the persona heard by another recogniser when it was recorded", why, todo, str(path))
    return found


def persona_problems(script: Script, config: Config, record: bool) -> list[Problem]:
    """What can be known to be wrong with a script's persona before its call."""
    try:
        if script.persona is not None and (record or persona_recording(script, config) is None):
            _model_settings(script, script.persona, config)
    except UserError as error:
        return list(error.problems)
    return []


def _model_settings(script: Script, persona: Persona, config: Config) -> LlmConfig:
    """The model of a persona, or that of the settings. Raises UserError if there is neither, or no key."""
    address = persona.model
    if address is None:
        if not config.llm.options:
            why = f"there is no recording ({path_of(script.where).name}), and no `model` below `persona`"
            todo = "`model: {name: …, base_url: …, api_key_env: …}`; or [llm] in the file of --config"
            raise UserError("nobody can play the persona", why, todo, script.where)
        return config.llm
    options: dict[str, Any] = {"provider": "openai", "model": address.name}
    if address.base_url:
        options |= {"base_url": address.base_url, "api_key": ""}  # OpenAI's key is nobody else's
    if address.api_key_env:
        key = os.environ.get(address.api_key_env, "")
        if not key:
            why = f"{address.api_key_env} is not set, and there is no recording"
            raise UserError("the persona's model needs a key", why, f"export {address.api_key_env}=…", script.where)
        options["api_key"] = key
    settings = {"engine": MODEL, MODEL: options, "first_token_s": FIRST_TOKEN_S, "timeout_s": FIRST_TOKEN_S}
    return LlmConfig.model_validate(settings)
