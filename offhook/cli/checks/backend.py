"""Whether PJSIP can carry the calls, where it is to."""

from offhook.carriers.pjsua2 import build, library, setup
from offhook.cli.checks.finding import Finding, Level, noting
from offhook.settings.config import Config


def check(config: Config) -> list[Finding]:
    """Check what PJSIP cannot do, and whether it is installed; nothing with our own SIP."""
    if config.sip.backend == "own":
        return []
    found: list[Finding] = []
    with noting(found, "PJSIP"):
        setup.check(config)
    with noting(found, "PJSIP", Level.MACHINE):
        library.load()
        library.frames()
        build.check(config, config.sip.host)
        found.append(Finding.ok("PJSIP", "its library and our part of it are there"))
    return found
