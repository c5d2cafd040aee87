"""The keys of a secret, in memory that is overwritten when they have been used."""

from typing import NoReturn

MAX_KEYS = 32
"""Of one secret."""


class SecretKeys:
    """Up to MAX_KEYS keys. They are in one buffer of fixed size, so that nothing is left behind where it grew. Neither
    `repr`, `str`, `pickle` nor `copy` gives them away, not even how many there are."""

    __slots__ = ("_begin", "_end", "_octets")

    def __init__(self) -> None:
        self._octets = bytearray(MAX_KEYS)
        self._begin = self._end = 0

    def append(self, key: str) -> bool:
        """One key more, a character of ASCII. False: there is no room for it."""
        if self._end == MAX_KEYS:
            return False
        self._octets[self._end] = ord(key)
        self._end += 1
        return True

    def take_first(self) -> str:
        """Remove the first key, and return it. Raises IndexError if there is none."""
        if self._begin == self._end:
            raise IndexError("there is no key")
        key = chr(self._octets[self._begin])
        self._octets[self._begin] = 0
        self._begin += 1
        if self._begin == self._end:
            self._begin = self._end = 0
        return key

    def wipe(self) -> None:
        """Overwrite them with zeros; there are none then."""
        self._octets[:] = bytes(MAX_KEYS)
        self._begin = self._end = 0

    def octets(self) -> memoryview:
        """The keys, in ASCII, where they are: what is made of them is the caller's to overwrite."""
        return memoryview(self._octets)[self._begin : self._end]

    def __len__(self) -> int:
        """How many there are."""
        return self._end - self._begin

    def __repr__(self) -> str:
        """Nothing of them."""
        return "<secret>"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        """No copies, in this process or another."""
        raise TypeError("a secret is neither copied nor pickled")
