"""What somebody may try who wants a bot that Twilio calls to take a call of his own."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import urlencode

from offhook.telephony.media_streams.signature import sign
from tests.offhook.web.streams import AUTH_TOKEN, PUBLIC_URL

CALL = {"CallSid": "CA1", "From": "+14155550100", "To": "+14155550199", "Caller ünï": "Ä €"}
"""A webhook's fields."""
LISTS = {name: [value] for name, value in CALL.items()}
URL = PUBLIC_URL + "/twilio/voice"
WS_URL = "wss://bot.example.com"
GOOD = sign(AUTH_TOKEN, URL, LISTS)

_OVER = URL + "".join(name + CALL[name] for name in sorted(CALL))


def _digest(kind: str) -> bytes:
    return hmac.new(AUTH_TOKEN.encode(), _OVER.encode(), kind).digest()


def _of(signature: str) -> dict[str, str]:
    return {"X-Twilio-Signature": signature}


SIGNATURES: dict[str, dict[str, str]] = {
    "none": {},
    "empty": _of(""),
    "a letter": _of("x"),
    "padding alone": _of("=" * 28),
    "cut off": _of(GOOD[:-1]),
    "longer": _of(GOOD + "="),
    "lower case": _of(GOOD.lower()),
    "twice in one": _of(f" {GOOD} {GOOD}"),
    "a list": _of(f"{GOOD},{GOOD}"),
    "without padding": _of(GOOD.replace("=", "")),
    "no ASCII": _of("é" * 28),
    "very long": _of("A" * 4_000),
    "quoted": _of(f'"{GOOD}"'),
    "the digest in hexadecimal": _of(_digest("sha1").hex()),
    "another digest": _of(base64.b64encode(_digest("sha256")).decode()),
    "no secret in the digest": _of(base64.b64encode(hashlib.sha1(_OVER.encode()).digest()).decode()),
    "in another header": {"Authorization": f"Basic {GOOD}", "X-Signature": GOOD},
    "a wrong one before the right one": {"X-Twilio-Signature": "x", "x-twilio-signature": GOOD},
    "another token": _of(sign("wrong", URL, LISTS)),
    "an empty token": _of(sign("", URL, LISTS)),
    "the token in capitals": _of(sign(AUTH_TOKEN.upper(), URL, LISTS)),
    "over the address alone": _of(sign(AUTH_TOKEN, URL)),
    "over a slash at the end": _of(sign(AUTH_TOKEN, URL + "/", LISTS)),
    "over a question mark": _of(sign(AUTH_TOKEN, URL + "?", LISTS)),
    "over a query": _of(sign(AUTH_TOKEN, URL + "?x=1", LISTS)),
    "over the fields as a query": _of(sign(AUTH_TOKEN, f"{URL}?{urlencode(CALL)}")),
    "over http": _of(sign(AUTH_TOKEN, URL.replace("https", "http"), LISTS)),
    "over wss": _of(sign(AUTH_TOKEN, URL.replace("https", "wss"), LISTS)),
    "over another port": _of(sign(AUTH_TOKEN, URL.replace(".com", ".com:8443"), LISTS)),
    "over the port of http": _of(sign(AUTH_TOKEN, URL.replace(".com", ".com:80"), LISTS)),
    "over another host": _of(sign(AUTH_TOKEN, URL.replace("bot", "other"), LISTS)),
    "over another webhook": _of(sign(AUTH_TOKEN, URL.replace("voice", "status"), LISTS)),
    "over the local address": _of(sign(AUTH_TOKEN, "https://127.0.0.1/twilio/voice", LISTS)),
    "over the host that was asked for": _of(sign(AUTH_TOKEN, "https://evil.example/twilio/voice", LISTS))
    | {"Host": "evil.example"},
    "over the host that a proxy tells": _of(sign(AUTH_TOKEN, "https://evil.example/twilio/voice", LISTS))
    | {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    "over another call": _of(sign(AUTH_TOKEN, URL, LISTS | {"CallSid": ["CA2"]})),
    "over one field more": _of(sign(AUTH_TOKEN, URL, LISTS | {"Extra": ["1"]})),
    "over another caller": _of(sign(AUTH_TOKEN, URL, LISTS | {"From": ["+14155550101"]})),
    "over caller and called interchanged": _of(
        sign(AUTH_TOKEN, URL, LISTS | {"From": LISTS["To"], "To": LISTS["From"]})
    ),
    "over one field less": _of(sign(AUTH_TOKEN, URL, {name: values for name, values in LISTS.items() if name != "To"})),
    "over names in small letters": _of(sign(AUTH_TOKEN, URL, {name.lower(): values for name, values in LISTS.items()})),
}
"""Headers of a webhook with the fields of `CALL`."""


def signed(path: str, token: str = AUTH_TOKEN) -> dict[str, str]:
    """The headers of an upgrade that Twilio asks for."""
    return {"X-Twilio-Signature": sign(token, WS_URL + path)}


Asked = tuple[str, dict[str, str]]
"""Path and headers."""


def _same(path: str) -> Asked:
    return path, signed(path)


HIJACKS: dict[str, Callable[[str, str, int], Asked]] = {
    "no ticket": lambda *_: ("/twilio/media", {}),
    "no ticket, signed": lambda *_: _same("/twilio/media"),
    "a slash": lambda *_: _same("/twilio/media/"),
    "made up": lambda *_: ("/twilio/media/" + "A" * 32, {}),
    "made up and signed": lambda *_: _same("/twilio/media/" + "A" * 32),
    "cut off": lambda path, *_: _same(path[:-1]),
    "longer": lambda path, *_: _same(path + "A"),
    "very long": lambda path, *_: _same(path + "A" * 8_000),
    "in the query": lambda path, *_: _same("/twilio/media?token=" + path.rpartition("/")[2]),
    "with a query": lambda path, *_: _same(path + "?x=1"),
    "other case": lambda path, *_: _same("/twilio/media/" + path.rpartition("/")[2].swapcase()),
    "other path": lambda path, *_: _same(path.replace("media", "medium")),
    "the browsers' path": lambda path, *_: _same(path.replace("twilio", "talk")),
    "percent-encoded": lambda path, *_: _same(path.replace("/media/", "/%6dedia/")),
    "climbing": lambda path, *_: _same("/twilio/media/../media/" + path.rpartition("/")[2]),
    "unsigned": lambda path, *_: (path, {}),
    "empty signature": lambda path, *_: (path, {"X-Twilio-Signature": ""}),
    "signed by somebody else": lambda path, *_: (path, signed(path, "f" * 32)),
    "signed over https": lambda path, *_: (path, {"X-Twilio-Signature": sign(AUTH_TOKEN, PUBLIC_URL + path)}),
    "signed over another ticket": lambda path, other, _: (path, signed(other)),
    "signed over the local address": lambda path, _, port: (
        path,
        {"X-Twilio-Signature": sign(AUTH_TOKEN, f"ws://127.0.0.1:{port}{path}")},
    ),
    "signed as a webhook": lambda path, *_: (path, {"X-Twilio-Signature": sign(AUTH_TOKEN, URL)}),
    "forwarded, unsigned": lambda path, *_: (path, {"X-Forwarded-For": "127.0.0.1", "Host": "localhost"}),
}
"""(the ticket's path, that of another call, our port) to what is asked for instead."""
