"""Factories of the local recognisers whose models are fetched: Vosk and sherpa-onnx."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from offhook.engines.factory import EngineContext, read_options
from offhook.models.catalogue import Engine, recommended
from offhook.models.choose import choose
from offhook.models.store import Model, ModelStore
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.asr.sherpa import Decoding, SherpaEngine, SherpaModel, SherpaOptions, find_model
from offhook.pipeline.asr.vosk import VoskEngine, VoskModel
from offhook.settings.values import LanguageTag
from offhook.usererror import UserError


class LocalOptions(BaseModel):
    """`model` is a name in `offhook models list --here`, or a folder's path; without it, the only one that serves for
    the language. `languages` replaces what is known of it, `streams` is how many turns a child process has at a
    time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(min_length=1)] | None = None
    languages: tuple[LanguageTag, ...] | None = None
    streams: Annotated[int, Field(ge=1, le=256)] = 16
    ends_turns: bool = False


class VoskOptions(LocalOptions):
    """`grammars`: true insists on a model that takes them, false recognises free speech always."""

    grammars: bool | None = None


class SherpaModelOptions(LocalOptions):
    """See SherpaOptions; `quantised` prefers a model's 8-bit networks."""

    decoding: Decoding = "beam"
    phrase_score: Annotated[float, Field(ge=0, le=10)] = 1.5
    silence_s: Annotated[float, Field(ge=0.1, le=10)] = 0.8
    quantised: bool = True


def vosk(options: Mapping[str, Any], context: EngineContext) -> AsrEngine:
    """Vosk with a model that is here. Raises UserError."""
    own = read_options(VoskOptions, options, context)
    chosen = _chosen("vosk", own, context)
    model = VoskModel(chosen.folder)
    _complete(chosen, model.missing(), context)
    if own.grammars and not model.takes_grammars:
        raise UserError(
            f"{chosen.name} takes no grammars",
            "its graph is fixed (graph/HCLG.fst): Vosk joins a grammar only with the two parts HCLr.fst and Gr.fst",
            f"a model that has them, such as {recommended('vosk', context.language)}, or `grammars = false`: "
            "answers are then found in free speech",
            context.where,
        )
    return VoskEngine(
        context.name,
        model,
        grammars=own.grammars is not False,
        languages=_languages(chosen, own),
        ends_turns=own.ends_turns,
        streams=own.streams,
        workers=context.workers,
    )


def sherpa(options: Mapping[str, Any], context: EngineContext) -> AsrEngine:
    """sherpa-onnx with a model that is here. Raises UserError."""
    own = read_options(SherpaModelOptions, options, context)
    chosen = _chosen("sherpa", own, context)
    model = find_model(chosen.folder, quantised=own.quantised)
    if not isinstance(model, SherpaModel):
        raise _incomplete(chosen, model, context)
    settings = SherpaOptions(own.decoding, own.phrase_score, own.ends_turns, own.silence_s)
    return SherpaEngine(
        context.name,
        model,
        settings,
        languages=_languages(chosen, own),
        streams=own.streams,
        workers=context.workers,
    )


def _chosen(engine: Engine, own: LocalOptions, context: EngineContext) -> Model:
    return choose(ModelStore(context.models_dir), engine, own.model, context.language, context.where)


def _languages(chosen: Model, own: LocalOptions) -> tuple[str, ...]:
    return chosen.about.languages if own.languages is None else own.languages


def _complete(chosen: Model, missing: str | None, context: EngineContext) -> None:
    if missing is not None:
        raise _incomplete(chosen, missing, context)


def _incomplete(chosen: Model, missing: str, context: EngineContext) -> UserError:
    todo = f"offhook models remove {chosen.name}; offhook models add {chosen.name}"
    return UserError(f"the model {chosen.name} is incomplete", f"{chosen.folder} lacks {missing}", todo, context.where)
