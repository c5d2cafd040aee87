"""The switches of a bot's flows: set by people, kept in a file over restarts, passed on to all workers at once."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog

from offhook.calls.switches import SwitchSetting, SwitchSettings, check_setting
from offhook.pipeline.dialog.switches import ON, Switch
from offhook.process.whole_file import write_whole
from offhook.usererror import UserError, cut, plain

FILE = "switches.json"
MAX_FILE_BYTES = 1 << 20
MAX_BY_CHARS = 100
MAX_UNTIL_S = 366 * 86_400.0

log = structlog.get_logger("offhook.flow")


class Switchboard:
    """`switches` are all that flows have. `path` is where settings are kept, `tell` gets all of them after each change;
    `now_s` is Unix time."""

    def __init__(
        self,
        switches: Mapping[str, Switch],
        path: Path,
        tell: Callable[[SwitchSettings], None],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._switches = switches
        self._path = path
        self._tell = tell
        self._now_s = now_s
        self._settings: dict[str, SwitchSetting] = {}
        self._changing = asyncio.Lock()

    @property
    def settings(self) -> SwitchSettings:
        """What has been set; of some the time may be over."""
        return self._settings

    async def open(self) -> None:
        """Read what was set before. A file that cannot be read is reported, and every switch has its default."""
        try:
            self._settings = await asyncio.to_thread(_read, self._path)
        except (OSError, ValueError, RecursionError) as error:
            log.error(
                "the switches of flows have their defaults",
                why=f"{self._path} cannot be read: {error}",
                todo="offhook flow set NAME VALUE",
            )
        self._tell(self._settings)

    async def set(self, name: str, value: str, by: str, until_s: float | None = None) -> None:
        """Set a switch, until then (None: for good); `by` says who does. Once this returns it would survive a crash.
        Raises UserError for what cannot be set, and where it cannot be kept: then nothing has changed."""
        check_setting(self._switches, name, value)
        now_s = self._now_s()
        if until_s is not None and not now_s < until_s <= now_s + MAX_UNTIL_S:
            what, why = f"`{name}` cannot be set until then", "the time is over, or more than a year away"
            raise UserError(what, why, "--until 18:00, --until 2h, or nothing for good")
        setting = SwitchSetting(value, now_s, plain(cut(by, MAX_BY_CHARS)), until_s)
        async with self._changing:
            changed = {each: kept for each, kept in self._settings.items() if each in self._switches} | {name: setting}
            try:
                await asyncio.to_thread(_write, self._path, changed)
            except OSError as error:
                why = f"{self._path} cannot be written: {error.strerror or error}"
                raise UserError(f"`{name}` is not set", why, f"df -h {self._path.parent}") from error
            self._settings = changed
            self._tell(changed)
        log.warning("a switch is set", switch=name, value=value, by=setting.by, until_s=until_s)

    def is_on(self, name: str) -> bool:
        """Whether a switch that is on or off is on. Raises UserError for an unknown name."""
        return self.state_of(name)["value"] == ON

    @property
    def ends_in_s(self) -> float | None:
        """After how many seconds the next setting ends by itself; None: none does."""
        now_s = self._now_s()
        ends = [each.until_s for each in self._settings.values() if each.until_s is not None and now_s < each.until_s]
        return min(ends) - now_s if ends else None

    def dump(self) -> list[dict[str, object]]:
        """All switches as they are now, for people."""
        return [self.state_of(name) for name in self._switches]

    def state_of(self, name: str) -> dict[str, object]:
        """One of them. Raises UserError for an unknown name."""
        switch = check_setting(self._switches, name)
        setting = self._settings.get(name)
        if setting is None or not setting.holds(self._now_s()) or setting.value not in switch.values:
            setting = None
        return {
            "name": name,
            "value": switch.default if setting is None else setting.value,
            "values": list(switch.values),
            "default": switch.default,
            "means": switch.means,
            "set_at": None if setting is None else _iso(setting.at_s),
            "set_by": None if setting is None else setting.by,
            "until": None if setting is None or setting.until_s is None else _iso(setting.until_s),
        }


def _iso(at_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))


def _read(path: Path) -> dict[str, SwitchSetting]:
    """Raises OSError, ValueError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES)
    except FileNotFoundError:
        return {}
    found = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("it is no object")
    return {str(name): _setting(each) for name, each in found.items()}


def _setting(found: Any) -> SwitchSetting:
    """Raises ValueError."""
    try:
        until = found["until_s"]
        return SwitchSetting(
            str(found["value"]), float(found["at_s"]), str(found["by"]), None if until is None else float(until)
        )
    except (TypeError, KeyError) as error:
        raise ValueError(f"a setting is not whole ({error})") from None


def _write(path: Path, settings: SwitchSettings) -> None:
    """Raises OSError."""
    content = {
        name: {"value": each.value, "at_s": each.at_s, "by": each.by, "until_s": each.until_s}
        for name, each in settings.items()
    }
    write_whole(path, json.dumps(content, indent=2).encode())
