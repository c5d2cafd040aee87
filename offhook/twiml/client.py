"""The requests of one call to a TwiML application: signed, with cookies, within the hosts that are allowed."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from offhook.http_request import HttpAnswer, HttpRequest, HttpRequestError
from offhook.telephony.media_streams.signature import sign
from offhook.twiml.addresses import Addresses, shown
from offhook.twiml.cookies import Cookies
from offhook.twiml.errors import HTTP_FAILURE, NO_CONNECTION, TOO_MANY_REDIRECTS, TwimlError
from offhook.twiml.limits import FETCH_S, MAX_REDIRECTS

Send = Callable[[HttpRequest, Mapping[str, str]], Awaitable[HttpAnswer]]
"""Sends a request with the fields of its form. Raises HttpRequestError."""

ACCEPT = "*/*"

_KEEP_METHOD = (307, 308)
_REDIRECTS = (301, 302, 303, *_KEEP_METHOD)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer with a status below 300, and the address that it came from in the end."""

    url: str
    content_type: str
    body: bytes


class Client:
    """Sends requests; `token` signs them (empty: not signed), `parameters` are in all of them."""

    def __init__(
        self,
        addresses: Addresses,
        parameters: Mapping[str, str],
        *,
        token: str = "",
        allow_private: bool = False,
        send: Send = HttpRequest.exchange,
    ) -> None:
        self._addresses = addresses
        self._parameters = dict(parameters)
        self._token = token
        self._allow_private = allow_private
        self._send = send
        self._cookies = Cookies()

    @property
    def account_sid(self) -> str:
        """The AccountSid of all requests."""
        return self._parameters.get("AccountSid", "")

    @property
    def call_sid(self) -> str:
        """The CallSid of all requests."""
        return self._parameters.get("CallSid", "")

    def resolve(self, url: str, base: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
        """See Addresses."""
        return self._addresses.resolve(url, base, schemes)

    async def fetch(self, url: str, base: str, method: str, parameters: Mapping[str, str]) -> Fetched:
        """What a server answers to a request with these parameters besides those of all. Redirects are followed. Raises
        TwimlError."""
        url, sent = self.resolve(url, base), {**self._parameters, **parameters}
        try:
            async with asyncio.timeout(FETCH_S):
                for _ in range(MAX_REDIRECTS + 1):
                    answer = await self._ask(url, method, sent)
                    self._cookies.take(url, (value for name, value in answer.headers if name == "set-cookie"))
                    location = answer.header("location")
                    if answer.status not in _REDIRECTS or not location:
                        return _fetched(url, answer)
                    url = self.resolve(location, url)
                    if answer.status not in _KEEP_METHOD:
                        method, sent = "GET", {}
        except TimeoutError:
            raise TwimlError(NO_CONNECTION, f"{shown(url)} has not answered within {FETCH_S:g} s") from None
        raise TwimlError(TOO_MANY_REDIRECTS, f"{shown(url)} is the end of more than {MAX_REDIRECTS} redirects")

    def sound(self, url: str, base: str, accept: str) -> HttpRequest:
        """The request for a sound. Raises TwimlError for a URL that it may not go to."""
        url = self.resolve(url, base)
        return self._request(url, "GET", {"Cookie": self._cookies.header(url)}, accept)

    async def _ask(self, url: str, method: str, parameters: Mapping[str, str]) -> HttpAnswer:
        if method == "GET" and parameters:
            query = urlencode(parameters, errors="replace")
            url = f"{url}{'&' if urlsplit(url).query else '?'}{query}"
        form = parameters if method == "POST" else {}
        headers = {"Cookie": self._cookies.header(url)}
        if self._token:
            headers["X-Twilio-Signature"] = sign(self._token, url, {name: [value] for name, value in form.items()})
        try:
            return await self._send(self._request(url, method, headers, ACCEPT), form)
        except HttpRequestError as error:
            raise TwimlError(NO_CONNECTION, f"{shown(url)}: {error.reason}") from error

    def _request(self, url: str, method: str, headers: Mapping[str, str], accept: str) -> HttpRequest:
        given = {name: value for name, value in headers.items() if value}
        return HttpRequest(url, method, given, self._allow_private, accept, form=True)


def _fetched(url: str, answer: HttpAnswer) -> Fetched:
    if not 200 <= answer.status < 300:
        raise TwimlError(HTTP_FAILURE, f"{shown(url)} answers HTTP {answer.status}")
    kind = answer.header("content-type").partition(";")[0].strip().lower()
    return Fetched(url, kind, answer.body)
