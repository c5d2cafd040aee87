"""Detector, recogniser and voice."""

from time import monotonic

from offhook.cli.checks.finding import Finding, Level, noting
from offhook.engines.engine_set import EngineSet, innermost
from offhook.engines.factory import Kind, RemoteEngine
from offhook.engines.registry import names
from offhook.engines.requirements import require_installed
from offhook.models.catalogue import recommended
from offhook.pipeline.asr.vosk import UNKNOWN, VoskEngine
from offhook.settings.config import Config
from offhook.usererror import did_you_mean


def packages(config: Config) -> list[Finding]:
    """Find missing packages."""
    found: list[Finding] = []
    with noting(found, "packages", Level.MACHINE):
        require_installed(config)
    return found


async def check(config: Config) -> list[Finding]:
    """Start the engines."""
    found = _options(config)
    engines: EngineSet | None = None
    with noting(found, "engines"):
        began = monotonic()
        engines = EngineSet(config)
        try:
            await engines.start()
        finally:
            await engines.close()
        problems = engines.not_started()
        for problem in problems:  # calls would go on with the other engines of the chain
            with noting(found, "engines"):
                raise problem
        started = ", ".join([config.vad.engine, *config.asr.chain, *config.tts.chain])
        if not problems:
            found.append(Finding.ok("engines", f"{started} started in {monotonic() - began:.1f} s"))
        for engine in (*(each.engine for each in engines.asr.members), *(each.engine for each in engines.tts.members)):
            found += _unreached(engine)
        for member in engines.asr.members:
            found += _remarks(config, innermost(member.engine))
    return found


def _unreached(engine: object) -> list[Finding]:
    """A vendor that is away, or an address that is wrong: calls fail that need it."""
    engine = innermost(engine)
    error = engine.unreached if isinstance(engine, RemoteEngine) else None
    if error is None:
        return []
    hint = error.hint or "Look at the network and at the engine's address in the settings, or wait until it is back."
    return [Finding.warning("engines", f"{error.engine} failed while {error.what}", error.why, hint)]


def _remarks(config: Config, asr: object) -> list[Finding]:
    """What works, and may not be intended."""
    if not isinstance(asr, VoskEngine):
        return []
    other = f"offhook models add {recommended('vosk', config.dialog.language)}"
    if asr.lacks_grammars:
        what = "the model of vosk takes no grammars: answers are looked for in free speech"
        why = "its graph is fixed (HCLG.fst), and not in the two parts HCLr.fst and Gr.fst"
        return [Finding.warning("engines", what, why, f"{other}, or `grammars = false` if that is meant")]
    if asr.capabilities.grammar and not asr.known_word(UNKNOWN):
        what = "the model of vosk finds a choice in whatever is said"
        why = f"it has no word {UNKNOWN} for other speech"
        return [Finding.warning("engines", what, why, f"{other}, or a higher `asr.min_confidence`")]
    return []


def _options(config: Config) -> list[Finding]:
    kinds: tuple[Kind, ...] = ("vad", "asr", "tts")
    found = []
    for kind in kinds:
        known, section = names(kind), getattr(config, kind)
        for name, table in section.options.items():
            # A table with a key `engine` is a named instance.
            if name not in known and "engine" not in table and name not in section.chain:
                what, why = f"`[{kind}.{name}]` is not used", f"there is no {kind} engine of that name"
                found.append(Finding.warning("engines", what, why, did_you_mean(name, known)))
    return found
