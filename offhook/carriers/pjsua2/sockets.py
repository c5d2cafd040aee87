"""PJSIP's sockets, of which its build has a number: the log says where they are used up, or nobody counts them."""

from collections.abc import Callable, Mapping

import structlog

from offhook.carriers.pjsua2.library import OWN

LOOKED_S = 1.0
LOGGED_S = 60.0
"""Between two lines: who floods us does not flood the log."""

log = structlog.get_logger("offhook.pjsip")


class Sockets:
    """`read` and `end_stuck` are those of the frame port's module. Pure, but for the log."""

    def __init__(self, read: Callable[[], Mapping[str, int]], end_stuck: Callable[[], None]) -> None:
        self._read = read
        self._end_stuck = end_stuck
        self._refused = read()["refused"]
        self._looked_at = self._logged_at = float("-inf")
        if not read()["most"]:
            log.warning(
                "more connections or calls at once than PJSIP has sockets end its process",
                why="it was loaded in a way that keeps us from counting them",
                todo=f"`tcp = false` below `[sip]`, or {OWN}",
            )

    def poll(self, now: float) -> None:
        """End what is stuck, and look whether some were refused since; `now` in monotonic seconds."""
        if now - self._looked_at < LOOKED_S:
            return
        self._looked_at = now
        self._end_stuck()
        if now - self._logged_at < LOGGED_S:
            return
        read = self._read()
        if (refused := read["refused"] - self._refused) > 0:
            self._refused, self._logged_at = read["refused"], now
            log.warning(
                "connections or calls were refused",
                refused=refused,
                why=f"PJSIP has {read['most']} sockets, half of them for connections",
                todo="`tcp = false` below `[sip]`, or a build of PJSIP with more (PJ_IOQUEUE_MAX_HANDLES)",
            )

    def dump(self) -> dict[str, int]:
        """As they are."""
        return dict(self._read())
