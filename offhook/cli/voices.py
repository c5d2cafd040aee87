"""`offhook voices`: the voice engines, and the languages and voices of those that can speak."""

import asyncio
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from offhook.engines.local_voices import AUTO, local_voices
from offhook.engines.registry import make_tts, names
from offhook.engines.requirements import require_installed
from offhook.pipeline.errors import EngineError
from offhook.pipeline.language import covers
from offhook.pipeline.tts.engine import ListingTtsEngine, NamedVoicesTtsEngine, TtsEngine
from offhook.settings.config import Config, TtsConfig
from offhook.usererror import UserError, did_you_mean

MAX_SHOWN = 8
NOT_VOICES = ("recorded",)


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine as it is shown. `problem`: why it cannot speak here; "" if it can."""

    name: str
    problem: str = ""
    hint: str = ""
    languages: tuple[str, ...] = ()
    voices: tuple[tuple[str, str], ...] = ()
    exact_words: bool = False


def voices(
    engine: Annotated[str | None, typer.Argument(help="One engine, with all of its voices.", metavar="ENGINE")] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="Only voices for this language.", metavar="TAG")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="The settings, a TOML file.", metavar="FILE")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.", metavar="")] = False,
) -> None:
    """List the voices that can speak on this machine. Try one: offhook say --voice NAME "Good morning."."""
    settings = Config.load(config)
    known = [name for name in names("tts") if name not in NOT_VOICES]
    configured = settings.tts.chain
    if engine is not None and engine not in (*known, *configured, *settings.tts.options) and ":" not in engine:
        raise UserError(
            f"there is no voice engine {engine!r}", f"there are {', '.join(known)}", did_you_mean(engine, known)
        )
    wanted = [engine] if engine is not None else [*dict.fromkeys((*configured, AUTO, *known))]
    found = [look_at(settings, name, language) for name in wanted]
    # What is used, what could be, and what it takes for the rest.
    found.sort(key=lambda each: (each.name not in configured, bool(each.problem)))
    if as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
        return
    for each in found:
        typer.echo(render(each, settings, is_used=each.name in configured, all_voices=engine is not None))


def look_at(config: Config, name: str, language: str | None = None) -> Engine:
    """What an engine has, without starting it; a service is asked. Only what serves for `language`, if one is given."""
    is_used = name in config.tts.chain
    # A voice that is set is one of the engine that is used.
    tts = TtsConfig(engine=name, voice=config.tts.voice if is_used else None, options=config.tts.options)
    config = config.model_copy(update={"tts": tts})
    try:
        require_installed(config, asr=False)
        made = make_tts(config)
    except UserError as error:
        (problem, *_) = error.problems
        # "cartesia needs `api_key`": the reason alone would say too little.
        what = problem.what.removeprefix(f"{name} ") if problem.what.startswith(f"{name} ") else ""
        return Engine(name, f"{what}: {problem.why}" if what else problem.why, problem.todo)
    except EngineError as error:
        return Engine(name, error.why, error.hint)
    if not isinstance(made, ListingTtsEngine):
        return _described(name, made, _named(made), language)
    try:
        return _described(name, made, asyncio.run(_listed(made)), language)
    except EngineError as error:
        return replace(_described(name, made, {}, language), problem=error.why, hint=error.hint)


def _named(engine: TtsEngine) -> dict[str, str]:
    return dict(engine.voices) if isinstance(engine, NamedVoicesTtsEngine) else {}


async def _listed(engine: ListingTtsEngine) -> dict[str, str]:
    try:
        return dict(await engine.list_voices())
    finally:
        await engine.close()


def _described(name: str, engine: TtsEngine, of: dict[str, str], language: str | None) -> Engine:
    gives = engine.capabilities
    if language is not None:
        of = {voice: tag for voice, tag in of.items() if _serves(tag or language, language)}
    languages = tuple(sorted(tag for tag in gives.languages if language is None or _serves(tag, language)))
    if gives.languages and not languages:
        return Engine(name, f"it does not speak {language!r}", "offhook voices")
    return Engine(name, "", "", languages, tuple(of.items()), gives.word_positions)


def _serves(tag: str, wanted: str) -> bool:
    return covers(wanted, tag) or covers(tag, wanted)


def render(engine: Engine, config: Config, *, is_used: bool, all_voices: bool) -> str:
    """An engine as text."""
    mark = " (used)" if is_used else ""
    if engine.problem:
        return f"{engine.name}{mark}: {engine.problem}" + (f"\n    {engine.hint}" if engine.hint else "")
    lines = [f"{engine.name}{mark}"]
    if engine.name == AUTO:
        parts = local_voices(config.tts)
        both = "hibari for English, espeak for the other languages"
        return f"{lines[0]}\n    made of:   {both if len(parts) > 1 else parts[0]}"
    lines.append(f"    languages: {_some(list(engine.languages), all_voices) or 'any'}")
    names_of = [f"{voice} ({tag})" if tag else voice for voice, tag in engine.voices]
    if names_of:
        lines.append(f"    voices:    {_some(names_of, all_voices)}")
    lines.append(f"    words:     {'exact places' if engine.exact_words else 'places estimated'}")
    return "\n".join(lines)


def _some(texts: list[str], all_of_them: bool) -> str:
    shown = texts if all_of_them else texts[:MAX_SHOWN]
    more = len(texts) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
