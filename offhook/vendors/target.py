"""The address of a vendor, and the key for it."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

_SECRET = re.compile("token|signature|credential", re.I)
"""In the names of a signed address's parameters."""

MIN_KEY_CHARS = 8
"""What is shorter than a key in a header says nothing: "Bearer", "Token"."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Target:
    """One address of a vendor, with the options in its query. Equal targets may share connections.

    `name` is what the settings call the engine, `vendor` the company's name. `headers` have the key. `hint` is what to
    type if it is refused. A vendor whose stream begins with messages, such as its configuration, has them in `hello`:
    they are sent as soon as the connection is open. Where each connection or request needs something of its own, like
    a signature, an id or a token that expires, `sign` makes it: it gets the target and the request's body and returns
    the target with it, in the address, the headers or `hello`. It may block, is called in a thread, raises EngineError.
    `keyterms`: words that the stream prefers from its start.
    """

    kind: Literal["asr", "tts", "agent"]
    name: str
    vendor: str
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    hint: str = ""
    hello: tuple[str | bytes, ...] = field(default=(), repr=False)
    sign: "Callable[[Target, bytes], Target] | None" = field(default=None, repr=False)
    keyterms: tuple[str, ...] = ()

    async def signed(self, body: bytes = b"") -> "Target":
        """What to connect to now, or to send `body` to. Raises EngineError."""
        return self if self.sign is None else await asyncio.to_thread(self.sign, self, body)

    @property
    def place(self) -> str:
        """Host and port, for errors: a query may have a key."""
        return urlsplit(self.url).netloc.rpartition("@")[2] or "this"

    def without_keys(self, text: str) -> str:
        """A vendor's words for an error: what it repeats of the headers, such as the key, is left out."""
        query = [value for name, value in parse_qsl(urlsplit(self.url).query) if _SECRET.search(name)]
        for value in (*(value for _, value in self.headers), *query):
            for part in value.split():
                if len(part) >= MIN_KEY_CHARS:
                    text = text.replace(part, "…")
        return text

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, so that no proxy is in between."""
        return urlsplit(self.url).hostname in LOOPBACK
