"""What can be known to be wrong with a run before the first call: voices that are not there, expectations that nobody
can tell, scenarios that nobody calls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offhook.engines.chains import tts_engines, tts_languages_of
from offhook.engines.registry import NO_ENGINES
from offhook.engines.requirements import require_installed
from offhook.pipeline.errors import EngineError
from offhook.qa.persona.prepared import persona_problems
from offhook.qa.script.script import Script, is_stream
from offhook.qa.sipp.library import Scenario
from offhook.settings.config import Config
from offhook.usererror import Problem, UserError


@dataclass(frozen=True, slots=True)
class Run:
    """What is known of a run before it begins: `target` of the command line (empty: that of each script), whether it is
    over a stream, whether there are records, whether a flow is there that calls a SIPp, SIPp's options, whether
    personas are recorded anew, and what is to be typed to have records."""

    target: str = ""
    over_stream: bool = False
    has_records: bool = False
    has_flow: bool = False
    options: tuple[str, ...] = ()
    record_personas: bool = False
    records_from: str = "--http HOST:PORT, the bot's pages; or --bot FILE"


def check_run(found: Sequence[Script | Scenario], config: Config, run: Run) -> None:
    """Refuse what cannot become a call that is judged, all at once. Raises UserError."""
    problems: list[Problem] = []
    for each in found:
        if isinstance(each, Scenario):
            problems += _of_scenario(each, run)
        else:
            problems += [*_of_script(each, run), *persona_problems(each, config, run.record_personas)]
    problems += voice_problems([each for each in found if isinstance(each, Script)], config)
    if problems:
        raise UserError.of(problems)


def _of_scenario(scenario: Scenario, run: Run) -> Iterator[Problem]:
    if scenario.is_called and not run.has_flow and "-p" not in run.options:
        why = "SIPp is called in it, and calls nobody itself"
        todo = "--bot FLOW.yaml, which calls it; or `-- -p PORT`, and let your bot call that port"
        yield Problem(f"nobody would call {scenario.name}", why, todo, "--target" if run.target else "")


def _of_script(script: Script, run: Run) -> Iterator[Problem]:
    if script.expect.needs_record and not run.has_records:
        what = "what is expected of the bot's record cannot be known"
        why = "only an offhook bot has records, and no pages of one are given"
        yield Problem(what, why, run.records_from, script.where)
    if run.over_stream or is_stream(run.target):
        for name in script.call.only_over_sip:
            why = "the call goes over a stream (WebSocket)"
            yield Problem(
                f"`{name}` of `call` has no effect", why, f"leave `{name}` out, or call over SIP", script.where
            )


def voice_problems(scripts: Sequence[Script], config: Config) -> list[Problem]:
    """Voices and languages that scripts name and the voice of the settings does not have; no engine is started."""
    used: dict[tuple[str, str], str] = {}
    for script in scripts:
        own = script.call
        pairs = [(own.voice, own.language)] if own.voice or own.language else []
        pairs += [(each.voice, own.language) for each in script.speeches if each.voice]
        pairs += [(each.voice, "") for each in script.prompts.values() if each.voice]
        for pair in pairs:
            used.setdefault(pair, script.where)
    return [problem for pair, where in used.items() for problem in _of_voice(config, *pair, where)]


def _of_voice(config: Config, voice: str, language: str, where: str) -> Iterator[Problem]:
    try:
        require_installed(config, asr=False)
        known = tts_languages_of(tts_engines(with_voice(config, "", language), NO_ENGINES))
        if language:
            known.check("tts", language, where=where)
    except UserError as error:
        yield from error.problems
        return
    except EngineError as error:
        yield Problem(f"{error.engine}: {error.what}", error.why, error.hint or "offhook voices", where)
        return
    except ValueError as error:
        yield Problem(f"there is no language {language!r}", str(error), "`language: en-GB`", where)
        return
    problem = known.voice_problem(voice, None, where) if voice else None
    if problem is not None:
        yield problem


def with_voice(config: Config, voice: str, language: str) -> Config:
    """The settings with another voice and language; empty: their own."""
    if voice:
        config = config.model_copy(update={"tts": config.tts.model_copy(update={"voice": voice})})
    if language:
        config = config.model_copy(update={"dialog": config.dialog.model_copy(update={"language": language})})
    return config
