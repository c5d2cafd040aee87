"""Finds language models by their options: `[llm.NAME]` has the provider, the model, and perhaps an address.

`provider` is `openai` (also for every server with Chat Completions at `base_url`), `anthropic`, `gemini`, or
`module:factory`, a name in an importable module: `factory(name, options)` returns a `LanguageModel`. Without it the
name of the table is the provider, and `openai` any other name's.
"""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

from offhook.engines.factory import EngineContext, read_options
from offhook.llm.chain import ChainModel
from offhook.llm.model import LanguageModel, no_model
from offhook.llm.options import AnthropicOptions, GeminiOptions, ModelOptions, OpenAiOptions
from offhook.settings.config import LlmConfig
from offhook.settings.user_modules import import_user_module, reason
from offhook.usererror import UserError, did_you_mean


class Provider(NamedTuple):
    """A vendor's adapter, as MODULE:CLASS, its options, and the package that it needs."""

    target: str
    options: type[ModelOptions]
    package: str


PROVIDERS = {
    "openai": Provider("offhook.llm.openai:OpenAiModel", OpenAiOptions, "openai"),
    "anthropic": Provider("offhook.llm.anthropic:AnthropicModel", AnthropicOptions, "anthropic"),
    "gemini": Provider("offhook.llm.gemini:GeminiModel", GeminiOptions, "google.genai"),
}


def make_chain(config: LlmConfig) -> ChainModel:
    """The configured models as one. Raises UserError."""
    if not config.options:
        raise no_model()
    models = [make_model(name, config.options.get(name, {})) for name in config.chain]
    return ChainModel(models, first_token_s=config.first_token_s, timeout_s=config.timeout_s, stall_s=config.stall_s)


def make_model(name: str, options: Mapping[str, Any]) -> LanguageModel:
    """The model of a table `[llm.NAME]`. Raises UserError."""
    given = dict(options)
    provider = given.pop("provider", name if name in PROVIDERS else "openai")
    if isinstance(provider, str) and ":" in provider:
        return _users_own(provider, name, given)
    found = PROVIDERS.get(provider) if isinstance(provider, str) else None
    if found is None:
        why = "neither offhook has it nor is it MODULE:FACTORY"
        todo = did_you_mean(str(provider), list(PROVIDERS))
        raise UserError(f"there is no provider {provider!r} of language models", why, todo, f"[llm.{name}]")
    read = read_options(found.options, given, EngineContext("llm", name))
    if not _is_installed(found.package):
        raise UserError(
            f"the language model {name} cannot be used",
            "the package is not installed",
            f"pip install 'offhook[{provider}]'",
            f"[llm.{name}]",
        )
    module, _, attribute = found.target.partition(":")
    return cast(LanguageModel, getattr(import_module(module), attribute)(name, read))


def _users_own(target: str, name: str, options: Mapping[str, Any]) -> LanguageModel:
    module, _, attribute = target.partition(":")
    where = f"[llm.{name}] provider"
    try:
        factory = getattr(import_user_module(module), attribute)
        made = factory(name, options)
    except UserError:
        raise
    except Exception as error:  # the module is the user's: whatever its code raises
        what = f"the language model {name} cannot be made"
        raise UserError(what, reason(error, module), f"another factory than {target}", where) from error
    if not hasattr(made, "stream"):
        what = f"{target} makes no language model"
        raise UserError(what, f"{made!r} has no `stream`", "a factory that returns a LanguageModel", where)
    return cast(LanguageModel, made)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # a package around it is missing
        return False
