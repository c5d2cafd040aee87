"""Where the event logs of calls are."""

from pathlib import Path

from offhook.flight.reader import FlightLog, read_log
from offhook.flight.writer import find_log
from offhook.settings.config import Config
from offhook.usererror import UserError


def log_of(call: str, config: Config) -> FlightLog:
    """The event log of a call's id, or in a file. UserError if there is none."""
    folder = config.records.dir / "events"
    found = find_log(folder, call)
    if found is None and Path(call).is_file():
        found = Path(call)
    if found is None:
        raise UserError(
            f"there is no event log of {call!r}",
            f"it is neither a file nor a call's id in {folder}",
            "events = true below [records], before the call",
        )
    return read_log(found, config.records.key_file)


def logs_of(calls: list[str], config: Config) -> list[FlightLog]:
    """The event logs of several; a folder stands for all in it, nothing for all of the settings' folder."""
    found: list[FlightLog] = []
    for call in calls or [str(config.records.dir / "events")]:
        folder = Path(call)
        if folder.is_dir():
            found += [read_log(path, config.records.key_file) for path in sorted(folder.glob("*.jsonl"))]
        else:
            found.append(log_of(call, config))
    if not found:
        raise UserError("there are no event logs", "no call was recorded there", "events = true below [records]")
    return found
