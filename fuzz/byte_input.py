"""A fuzz input read byte by byte: each byte chooses the next step, or is a parameter of it."""


class Input:
    """The bytes, read one after the other; zeros follow their end."""

    __slots__ = ("_at", "_data", "_size")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data)
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes have not been read."""
        return max(0, self._size - self._at)

    def byte(self) -> int:
        """The next byte, 0 to 255."""
        at = self._at
        self._at = at + 1
        return self._data[at] if at < self._size else 0

    def signed(self) -> int:
        """The next byte as a signed number, -128 to 127."""
        value = self.byte()
        return value - 256 if value > 127 else value

    def data(self) -> bytes:
        """As many bytes as the next byte says."""
        count = self.byte()
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken
