"""Whether anything of a call is kept."""

from collections.abc import Callable


class Privacy:
    """Of one call. While it is `on`, nothing of the call is kept: its dialog has paused the recording or does not want
    it, its line is shielded, or the call that it is connected to is private. Each of `listeners` is called with `on`
    when that changes."""

    def __init__(self, *, withheld: bool = False) -> None:
        self.on = withheld
        self.listeners: list[Callable[[bool], None]] = []
        self._withheld = withheld
        self._paused = self._shielded = self._other = False

    def pause(self, paused: bool) -> None:
        """The dialog wants privacy, or no longer."""
        self._paused = paused
        self._change()

    def withhold(self, withheld: bool) -> None:
        """Nothing may be kept, since nobody has consented, or may from here on."""
        self._withheld = withheld
        self._change()

    def shield(self, shielded: bool) -> None:
        """The caller is keying a secret, or no longer."""
        self._shielded = shielded
        self._change()

    def follow(self, other: bool) -> None:
        """The call that this one is connected to is private, or no longer."""
        self._other = other
        self._change()

    def _change(self) -> None:
        on = self._withheld or self._paused or self._shielded or self._other
        if on is not self.on:
            self.on = on
            for listener in self.listeners:
                listener(on)
