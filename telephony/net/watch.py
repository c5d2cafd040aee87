"""Notices that media has stopped coming. Pure."""


class MediaWatch:
    """Tells once that nothing has arrived for too long, and again only after media came back.

    `first_s` is allowed from `resume` until the first packet ever, `later_s` since the last one or `resume`.
    It begins paused.
    """

    __slots__ = ("_first_s", "_later_s", "_reported_at", "_since", "due")

    def __init__(self, first_s: float, later_s: float) -> None:
        self._first_s = first_s
        self._later_s = later_s
        self._since: float | None = None
        self._reported_at: float | None = None
        self.due: float | None = None
        """When to call `check` next; None while paused."""

    def resume(self, now: float) -> None:
        """Media is expected from now on. No effect while it already is."""
        if self._since is None:
            self._since = now
            self._reported_at = None
            self.due = now + min(self._first_s, self._later_s)

    def pause(self) -> None:
        """Nothing is expected: the call is on hold."""
        self._since = None
        self.due = None

    def check(self, now: float, last_received_at: float | None) -> bool:
        """Whether to report the silence now. `last_received_at`: of the last valid packet, None for
        none.
        """
        if self._since is None or self.due is None or now < self.due:
            return False
        if self._reported_at is not None:
            if last_received_at is None or last_received_at <= self._reported_at:
                self.due = now + self._later_s
                return False
            self._reported_at = None
        if last_received_at is None:
            self.due = self._since + self._first_s
        else:
            self.due = max(self._since, last_received_at) + self._later_s
        if now < self.due:
            return False
        self._reported_at = now
        self.due = now + self._later_s
        return True
