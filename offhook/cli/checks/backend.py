"""Whether PJSIP can carry the calls, where it is to."""

from collections.abc import Iterator

from offhook.carriers.pjsua2 import build, library, room, setup
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
        found += _room(config)
    return found


def _room(config: Config) -> Iterator[Finding]:
    """Whether callers can be connected to others, and as many come in as the settings say."""
    if not (most := build.most_calls()):
        return
    callers = room.most_callers(config, most) or most
    if config.max_calls <= callers:
        yield Finding.ok("PJSIP", f"{most} calls at once")
        return
    why = f"this build of it takes {most} calls"
    if callers < most:
        why += f", {most - callers} of them kept for calls out to which callers are connected"
    todo = f"`max_calls = {callers}` below `[calls]`, or a build with more calls (docs/backends.md)"
    yield Finding.warning("PJSIP", f"PJSIP takes {callers} callers at once", why, todo)
