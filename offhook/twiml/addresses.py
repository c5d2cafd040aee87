"""Where requests of a TwiML application may go: to the host of its URL, and to others that the settings name. Pure."""

import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from offhook.settings.values import split_host_port
from offhook.twiml.errors import BAD_HOST, BAD_URL, TwimlError
from offhook.twiml.limits import MAX_URL_CHARS

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}
_PLAIN = "%!$&'()*+,;=:@/?-._~[]"

MAX_SHOWN_CHARS = 200
_KEYED = re.compile(r"[0-9]{4,}")


class Addresses:
    """The servers that a document may name: those of `urls`, on the usual ports too, and `hosts`, each HOST (on the
    usual ports) or HOST:PORT."""

    def __init__(self, urls: Iterable[str], hosts: Iterable[str] = ()) -> None:
        self._allowed: set[tuple[str, int]] = set()
        for url in urls:
            parts = urlsplit(url)
            self._allow(parts.hostname or "", parts.port)
            self._allow(parts.hostname or "", None)
        for host in hosts:
            self._allow(*split_host_port(host))

    def resolve(self, url: str, base: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
        """The whole address of `url`, which may be relative to `base`, without fragment. Raises TwimlError for what is
        none, and for a server that it may not name."""
        try:
            parts = urlsplit(urljoin(base, url.strip()))
            allowed = self._is_allowed(parts)
        except ValueError:  # whose text may have what stands for the port
            raise TwimlError(BAD_URL, f"`{shown(url)}` is no URL: a port or an IPv6 address that is none") from None
        if parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc or len(url) > MAX_URL_CHARS:
            raise TwimlError(BAD_URL, f"`{shown(url)}` is not {schemes[-1]}:// with a host, and without a user")
        if not allowed:
            why = f"requests may not go to {parts.netloc[:60]!r}: add it to `hosts` below [twiml] if they may"
            raise TwimlError(BAD_HOST, why)
        return parts._replace(
            path=quote(parts.path or "/", safe=_PLAIN), query=quote(parts.query, safe=_PLAIN), fragment=""
        ).geturl()

    def _allow(self, host: str, port: int | None) -> None:
        self._allowed |= {(host.lower(), each) for each in ((80, 443) if port is None else (port,))}

    def _is_allowed(self, parts: SplitResult) -> bool:
        port = parts.port if parts.port is not None else _PORTS.get(parts.scheme, 0)
        return ((parts.hostname or "").lower(), port) in self._allowed


def shown(url: str) -> str:
    """A URL, or what stands for one, as logs and records may have it: without user and query, and see `shown_path`."""
    plain = url.partition("?")[0].partition("#")[0]
    if "//" not in plain:
        return shown_path(plain.rpartition("@")[2])
    scheme, _, rest = plain.partition("//")
    host, slash, path = rest.rpartition("@")[2].partition("/")
    return f"{scheme}//{host}{slash}{shown_path(path)}"[:MAX_SHOWN_CHARS]


def shown_path(path: str) -> str:
    """A path without the digits that a caller may have keyed."""
    return _KEYED.sub("…", path)[:MAX_SHOWN_CHARS]
