"""Detector, recogniser and voice: started, and asked for a word."""

from time import monotonic

from offhook.cli.checks.finding import Finding, Level, noting
from offhook.engines.engine_set import EngineSet
from offhook.engines.factory import Kind
from offhook.engines.registry import names
from offhook.engines.requirements import require_installed
from offhook.settings.config import Config
from offhook.usererror import did_you_mean


def packages(config: Config) -> list[Finding]:
    """Those that are missing."""
    found: list[Finding] = []
    with noting(found, "packages", Level.MACHINE):
        require_installed(config)
    return found


async def check(config: Config) -> list[Finding]:
    """Whether they start, and whether the voice can say something."""
    found = _options(config)
    engines: EngineSet | None = None
    with noting(found, "engines"):
        began = monotonic()
        engines = EngineSet(config)
        try:
            await engines.start()
        finally:
            await engines.close()
        text = f"{config.vad.engine}, {config.asr.engine}, {config.tts.engine} started in {monotonic() - began:.1f} s"
        found.append(Finding.ok("engines", text))
    return found


def _options(config: Config) -> list[Finding]:
    kinds: tuple[Kind, ...] = ("vad", "asr", "tts")
    found = []
    for kind in kinds:
        known, section = names(kind), getattr(config, kind)
        for name, table in section.options.items():
            # A table with an `engine` is an instance of it, under a name of its own.
            if name not in known and "engine" not in table and name != section.engine:
                what, why = f"`[{kind}.{name}]` is used by nothing", f"there is no {kind} engine of that name"
                found.append(Finding.warning("engines", what, why, did_you_mean(name, known)))
    return found
