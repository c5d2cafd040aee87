"""The cookies of one call (RFC 6265), kept as Twilio keeps them: until the call is over. Pure."""

from collections import OrderedDict
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from offhook.http_request import HEADER_VALUE
from offhook.twiml.limits import MAX_COOKIE_CHARS, MAX_COOKIES


class Cookies:
    """Each goes back to the host that has set it, and to no other; one that is `secure` over https alone."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[str, bool]] = OrderedDict()

    def header(self, url: str) -> str:
        """The value of Cookie for a request; empty if there is none."""
        parts = urlsplit(url)
        return "; ".join(
            f"{name}={value}"
            for (host, name), (value, secure) in self._kept.items()
            if host == parts.hostname and (parts.scheme == "https" or not secure)
        )

    def take(self, url: str, set_cookie: Iterable[str]) -> None:
        """Keep what an answer has set; what cannot be read is left out."""
        host = urlsplit(url).hostname or ""
        for header in set_cookie:
            if len(header) > MAX_COOKIE_CHARS:
                continue
            try:
                read = SimpleCookie(header)
            except CookieError:
                continue
            for name, morsel in read.items():
                self._kept.pop((host, name), None)
                is_sendable = not morsel.coded_value or HEADER_VALUE.fullmatch(morsel.coded_value)
                if is_sendable and morsel["max-age"].strip() not in ("0", "-1"):
                    self._kept[host, name] = morsel.coded_value, bool(morsel["secure"])
        while len(self._kept) > MAX_COOKIES:
            self._kept.popitem(last=False)
