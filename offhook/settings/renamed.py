"""Renamed keys, for errors that name the new one."""

from offhook.usererror import Problem

ENV_PREFIX = "OFFHOOK_"

RENAMED = {
    "calls.full_cpu": "calls.max_cpu",
    "calls.full_lag_ms": "calls.max_lag_ms",
    "rtp.low": "rtp.port_min",
    "rtp.high": "rtp.port_max",
    "vad.confirm_ms": "vad.min_speech_ms",
    "vad.suspect_threshold": "vad.barge_in_threshold",
    "ears.echo_guard": "audio.echo_guard",
    "ears.guarded_calls": "audio.echo_guard_max_calls",
    "ears.processor": "audio.processor",
}
RENAMED_SECTIONS = {"ears": "audio"}


def renamed(old: str, new: str, where: str) -> Problem:
    """The problem of an old name, found in a file or, if `where` is one, in a variable."""
    section, _, key = new.partition(".")
    what = f"`{old}` is called `{new}` now"
    if where.upper().startswith(ENV_PREFIX):
        return Problem(what, "it was renamed", f"export {ENV_PREFIX}{section.upper()}__{key.upper()}=…", where)
    return Problem(what, "it was renamed", f"`{key} = …` below `[{section}]`", where)
