"""An input that is read octet by octet: each says what happens next, or is a parameter of that."""


class Input:
    """The octets, read one after the other; behind their end come zeros."""

    __slots__ = ("_at", "_data", "_size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data)
        self._at = 0

    @property
    def left(self) -> int:
        """Octets that have not been read."""
        return max(0, self._size - self._at)

    def octet(self) -> int:
        """The next one, 0 to 255."""
        at = self._at
        self._at = at + 1
        return self._data[at] if at < self._size else 0

    def signed(self) -> int:
        """The next one, -128 to 127."""
        value = self.octet()
        return value - 256 if value > 127 else value

    def octets(self) -> bytes:
        """As many as the next one says."""
        count = self.octet()
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken
