"""An agent from a YAML file; all problems are reported at once, each with its line. docs/agents.md has the format."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from offhook.agents.agent import Agent
from offhook.agents.history import Unheard
from offhook.agents.limits import AgentLimits
from offhook.agents.policy import on_failure_of, outcome_values
from offhook.agents.tool_file import ToolReader
from offhook.agents.tools import arguments_model
from offhook.llm.chain import ChainModel
from offhook.llm.model import LanguageModel, no_model
from offhook.llm.registry import PROVIDERS, make_model
from offhook.pipeline.language import is_language_tag
from offhook.realtime.agent import VENDORS, SpeechAgent
from offhook.realtime.link import TurnDetection
from offhook.settings.http_requests import VARIABLE
from offhook.settings.parameters import read_parameters
from offhook.settings.yaml_file import MAX_FILE_BYTES, compose, decoded, read_limited
from offhook.usererror import Problem, UserError, did_you_mean

_PRICES = ("price_input", "price_cached_input", "price_output")
_NUMBERS = ("temperature", *_PRICES)
_MODEL = ("provider", "model", "base_url", "api_key", *_NUMBERS, "extra", "warm")
_AGENT = (
    *("kind", "instructions", "greeting", "language", "voice", "tools", "transfer_to", "outcomes", "limits"),
    *("dtmf", "unheard", "on_failure", "speculate", "hide_keys", *_MODEL),
)
_SPEECH = (
    *("kind", "instructions", "provider", "model", "base_url", "api_key", "voice", "language", "greet", "sorry"),
    *("tools", "transfer_to", "dtmf", "limits", "turn_detection", "options"),
)
_KINDS = ("text", "speech")
_NUMBER = re.compile(r"\+[1-9][0-9]{4,14}|sips?:[^\s]{1,200}|[A-Za-z][A-Za-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True)
class AgentFile:
    """What a file says; `model` are the options of the model, and `provider` whose it is."""

    instructions: str
    provider: str
    model: Mapping[str, Any]
    options: Mapping[str, Any]
    name: str
    """The file's."""

    @property
    def names_model(self) -> bool:
        """Whether it has a model of its own, in place of that of `[llm]`."""
        return "model" in self.model

    def make(self, model: LanguageModel | None = None) -> Agent:
        """The agent, on `model` or the file's own. Raises UserError for one that cannot be made, or is not there."""
        if model is None and not self.names_model:
            raise no_model()
        return Agent(self.instructions, model=model or self.own_model(), **self.options)

    def own_model(self) -> ChainModel:
        """The file's own. Raises UserError for one that cannot be made."""
        name = "agent" if ":" in self.provider else self.provider
        try:
            return ChainModel([make_model(name, {"provider": self.provider, **self.model})])
        except UserError as error:
            raise UserError.of(self._in_this_file(each, f"[llm.{name}]") for each in error.problems) from error

    def _in_this_file(self, problem: Problem, table: str) -> Problem:
        """The file is not the settings' table of its provider, which says what its model may have."""
        todo = problem.todo.replace(f"below `{table}`", f"in {self.name}")
        return replace(problem, todo=todo, where=problem.where.replace(table, self.name))


@dataclass(frozen=True, slots=True)
class SpeechFile:
    """What a file with `kind: speech` says: the arguments of SpeechAgent."""

    options: Mapping[str, Any]

    names_model = True
    """It needs none of `[llm]`."""

    def make(self, _model: LanguageModel | None = None) -> SpeechAgent:
        """The agent. Raises UserError for one that cannot be made."""
        return SpeechAgent(**self.options)


def load_agent(path: Path, environ: Mapping[str, str] | None = None) -> AgentFile | SpeechFile:
    """The agent of a file. Raises UserError with all problems."""
    return parse_agent(read_limited(path, MAX_FILE_BYTES, "agent"), str(path), environ)


def parse_agent(data: bytes, name: str, environ: Mapping[str, str] | None = None) -> AgentFile | SpeechFile:
    """The agent in `data` (YAML in UTF-8); `name` is the file's name for errors. Raises UserError."""
    text = decoded(data, name, "agent")
    return _AgentReader(name, os.environ if environ is None else environ).read(compose(text, name, "docs/agents.md"))


class _AgentReader(ToolReader):
    def read(self, root: Node) -> AgentFile | SpeechFile:
        example = "begin with `instructions:`, see docs/agents.md"
        speaks = _kind_of(root) == "speech"
        top = self.fields(root, "an agent", _SPEECH if speaks else _AGENT, ("instructions",), example) or {}
        self.one_of(top, "kind", _KINDS, "text")
        if speaks:
            return self._speech(top)
        instructions = self._raw(top["instructions"], "`instructions`") if "instructions" in top else None
        options = self._common(top)
        options["outcomes"] = self._outcomes(top["outcomes"]) if "outcomes" in top else {}
        options["unheard"] = self.one_of(top, "unheard", get_args(Unheard), "note")
        options["on_failure"] = self._on_failure(top, options["transfer_to"])
        model = self._model(top)
        self._check_prices(top, model, options["limits"])
        if self.problems or instructions is None:
            raise self.error()
        return AgentFile(instructions, self._one_provider(top), model, options, self.name)

    def _common(self, top: Mapping[str, Node]) -> dict[str, Any]:
        """What all kinds of agents have."""
        options: dict[str, Any] = {}
        for key in ("greeting", "voice", "language", "greet", "sorry"):
            if key in top:
                options[key] = self._words(top[key], f"`{key}`")
        if options.get("language") and not is_language_tag(options["language"]):
            what, why = f"`{options['language'][:40]}` is not a language", "it is a BCP 47 tag"
            self.problem(top["language"], what, why, "type `language: de`, or `en-GB`")
        for key in ("dtmf", "speculate", "hide_keys"):
            if key in top:
                options[key] = bool(self.truth(top[key], f"`{key}`"))
        options["transfer_to"] = self._transfers(top["transfer_to"]) if "transfer_to" in top else {}
        options["limits"] = self._limits(top["limits"]) if "limits" in top else AgentLimits()
        options["tools"] = self.tools(top["tools"]) if "tools" in top else []
        return options

    def _speech(self, top: Mapping[str, Node]) -> SpeechFile:
        instructions = self._raw(top["instructions"], "`instructions`") if "instructions" in top else None
        provider = self.one_of(top, "provider", tuple(VENDORS), "openai-realtime")
        allowed = VENDORS[provider].turn_detection if provider in VENDORS else get_args(TurnDetection)
        options = {**self._common(top), **self._access(top), "provider": provider}
        options["turn_detection"] = self.one_of(top, "turn_detection", allowed, allowed[0])
        if "options" in top:
            options["options"] = self._value(top["options"])
        if self.problems or instructions is None:
            raise self.error()
        return SpeechFile({**options, "instructions": instructions})

    def _one_provider(self, top: Mapping[str, Node]) -> str:
        return (self.text(top["provider"], "`provider`") if "provider" in top else None) or "openai"

    def _access(self, top: Mapping[str, Node]) -> dict[str, Any]:
        """Which model, where, and the key for it."""
        model: dict[str, Any] = {}
        for key in ("model", "base_url", "api_key"):
            if key in top and (text := self.text(top[key], f"`{key}`")) is not None:
                model[key] = self.with_variables(top[key], text)
        if "api_key" in top and VARIABLE.search(getattr(top["api_key"], "value", "")) is None:
            why = "a key in a file is soon in a repository"
            self.problem(top["api_key"], "`api_key` is written out", why, "type `api_key: ${OPENAI_API_KEY}`")
        return model

    def _model(self, top: Mapping[str, Node]) -> dict[str, Any]:
        model = self._access(top)
        model |= {key: self.number(top[key], f"`{key}`") for key in _NUMBERS if key in top}
        if "warm" in top:
            model["warm"] = self.truth(top["warm"], "`warm`")
        if "extra" in top:
            model["extra"] = self._value(top["extra"])
        provider = self._one_provider(top)
        if ":" not in provider and provider not in PROVIDERS:
            why, todo = "neither offhook has it nor is it MODULE:FACTORY", did_you_mean(provider, list(PROVIDERS))
            self.problem(top["provider"], f"there is no provider `{provider[:40]}` of language models", why, todo)
        first = next((key for key in _MODEL if key in top), None)
        if first is not None and "model" not in top and ":" not in provider:
            why = "without `model` the agent has that of `[llm]`, and its settings there"
            self.problem(top[first], f"`{first}` has no `model`", why, "add a line `model: …`, or remove this one")
        return model

    def _check_prices(self, top: Mapping[str, Node], model: Mapping[str, Any], limits: AgentLimits) -> None:
        """A model of `[llm]` is judged when it is known, one of the user's own says by itself what it costs."""
        own = "model" in model and ":" not in self._one_provider(top)
        if limits.max_cost is not None and own and not any(model.get(price) for price in _PRICES):
            what, why = "`max_cost` of `limits` is never reached", "the model has no prices"
            self.problem(top["limits"], what, why, "add `price_input: …` and `price_output: …`, of a million tokens")

    def _value(self, node: Node) -> Any:
        """A value for the vendor's request."""
        if isinstance(node, MappingNode):
            return {name: self._value(value) for name, _, value in self.entries(node, "a value of `extra`") or []}
        if isinstance(node, SequenceNode):
            return [self._value(item) for item in node.value]
        text = node.value
        if getattr(node, "style", None) is not None:
            return text  # in quotes
        if text in ("true", "false"):
            return text == "true"
        try:
            return float(text) if "." in text else int(text)
        except ValueError:
            return text

    def _raw(self, node: Node, what: str) -> str | None:
        """A text with its lines."""
        text = self._words(node, what)
        return node.value.strip() if text is not None and isinstance(node, ScalarNode) else None

    def _words(self, node: Node, what: str) -> str | None:
        """A text that is not empty."""
        text = self.text(node, what)
        if text == "":
            self.problem(node, f"{what} is empty", "there are no words in it", "write some, or remove it")
        return text or None

    def _on_failure(self, top: Mapping[str, Node], transfers: Mapping[str, str]) -> str:
        given = self.text(top["on_failure"], "`on_failure`") if "on_failure" in top else None
        if given is None:
            return "apologise"
        try:
            on_failure_of(given, transfers)
        except ValueError as error:
            what = f"`on_failure` is `{given[:40]}`"
            self.problem(top["on_failure"], what, str(error), "type `on_failure: apologise`")
        return given

    def _transfers(self, node: Node) -> dict[str, str]:
        found = {}
        for name, _, value in self.entries(node, "`transfer_to`", 'type `sales: "+15551234567"`') or []:
            number = self.text(value, f"`{name}` of `transfer_to`")
            if number is None:
                continue
            if _NUMBER.fullmatch(number) is None:
                why = "it is a number with plus sign and country code, a SIP address, or a name of `[transfer.targets]`"
                self.problem(value, f"`{number[:40]}` cannot be called", why, f'type `{name}: "+15551234567"`')
            found[name] = number
        return found

    def _outcomes(self, node: Node) -> dict[str, type[BaseModel]]:
        if isinstance(node, SequenceNode | ScalarNode):
            return {name: outcome_values(name, {}) for name in self.texts(node, "`outcomes`")}
        found = {}
        for name, _, value in self.entries(node, "`outcomes`") or []:
            empty = isinstance(value, ScalarNode) and not value.value
            values = {} if empty else read_parameters(self, value, f"outcome `{name}`")
            found[name] = arguments_model(name, values)
        return found

    def _limits(self, node: Node) -> AgentLimits:
        allowed = {field.name: field for field in fields(AgentLimits)}
        given: dict[str, Any] = {}
        for name, value in (self.fields(node, "`limits`", tuple(allowed)) or {}).items():
            number = (self.whole if allowed[name].type in (int, int | None) else self.number)(
                value, f"`{name}` of `limits`"
            )
            if number is not None and number <= 0:
                self.problem(value, f"`{name}` is {number:g}", "a limit is above 0", f"remove it, or `{name}: 1`")
            elif number is not None:
                given[name] = number
        return replace(AgentLimits(), **given)


def _kind_of(root: Node) -> str:
    """What `kind:` says, as far as it can be read."""
    entries = root.value if isinstance(root, MappingNode) else []
    return next((str(value.value) for key, value in entries if key.value == "kind"), "text")
