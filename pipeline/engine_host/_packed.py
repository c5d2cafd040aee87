"""A read-only dictionary in a few large blocks: of short texts a dict takes five to ten times as much memory."""

import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from multiprocessing import get_context
from typing import TypeVar

T = TypeVar("T")

RECENT = 1_024
"""Results that are kept: a lookup takes about 5 µs, and most words are said again."""

_JSON = b"\0"
"""In front of a value that is not a text, or begins so itself."""


class PackedDict:
    """The content of `values`: texts by texts, or anything else that JSON has, which is read at each lookup."""

    def __init__(self, values: Mapping[str, object]) -> None:
        pairs = sorted((key.encode(errors="surrogatepass"), key) for key in values)
        self._keys, self._key_ends = _packed(key for key, _ in pairs)
        self._values, self._value_ends = _packed(_encoded(values[key]) for _, key in pairs)
        self.get = lru_cache(RECENT)(self._find)

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name != "get"}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        self.get = lru_cache(RECENT)(self._find)

    def __len__(self) -> int:
        return len(self._key_ends) - 1

    def __contains__(self, key: str) -> bool:
        return self.get(key) is not None

    def _find(self, key: str, default: object = None) -> object:
        wanted, keys, ends = key.encode(errors="surrogatepass"), self._keys, self._key_ends
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if keys[ends[middle] : ends[middle + 1]] < wanted:
                low = middle + 1
            else:
                high = middle
        if low == len(self) or keys[ends[low] : ends[low + 1]] != wanted:
            return default
        value = self._values[self._value_ends[low] : self._value_ends[low + 1]]
        return json.loads(value[1:]) if value.startswith(_JSON) else value.decode()


def made_elsewhere(make: Callable[[], T]) -> T:
    """What `make` returns, made in a copy of this process: what it needs meanwhile is not left behind in this one.

    Freed small objects leave holes, and a heap with holes does not shrink. Raises EOFError if `make` raises.
    """
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def send() -> None:
        receiver.close()  # so that it ends if this process does
        sender.send(make())

    process = context.Process(target=send)
    process.start()
    sender.close()
    try:
        made: T = receiver.recv()
    finally:
        receiver.close()
        process.join()
    return made


def _encoded(value: object) -> bytes:
    is_plain = isinstance(value, str) and not value.startswith("\0")
    return str(value).encode() if is_plain else _JSON + json.dumps(value, separators=(",", ":")).encode()


def _packed(parts: Iterable[bytes]) -> tuple[bytes, "array[int]"]:
    """The parts in one, and where each begins; behind the last one the length of all."""
    ends, content = array("I", [0]), bytearray()
    for part in parts:
        content += part
        ends.append(len(content))
    return bytes(content), ends
