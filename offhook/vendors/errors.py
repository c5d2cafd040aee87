"""What goes wrong between us and a vendor, in three parts."""

import json

from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, InvalidURI

from offhook.pipeline.errors import EngineError, EngineTimeout
from offhook.vendors.target import Target

MAX_WORDS_CHARS = 200
"""Of a vendor's own words in an error."""

MAX_WHY_CHARS = 1_000

_REFUSED_KEY = (401, 403)
_MAY_PASS = (408, 425, 429)
_TOO_MUCH = ("ThrottlingException", "LimitExceededException")  # Amazon's words for 429
_NO_CLOSE_FRAME = 1006  # RFC 6455 section 7.1.5


class VendorRefusedError(EngineError):
    """The vendor refuses what was asked: a wrong key, or options that it does not take. Trying again does not help."""


class NotFoundError(VendorRefusedError):
    """The vendor's server has nothing at that address."""


def explain(target: Target, error: Exception) -> EngineError:
    """The error of an attempt to connect."""
    what = f"connecting to {target.vendor}"
    if isinstance(error, InvalidStatus):
        response = error.response
        code = response.headers.get("x-amzn-errortype", "")
        return refusal(target, response.status_code, bytes(response.body or b""), what, code)
    if isinstance(error, TimeoutError):
        return EngineTimeout(target.name, what, "it did not answer in time", away_hint(target))
    if isinstance(error, InvalidURI):
        return VendorRefusedError(target.name, what, f"{target.place} is not an address", target.hint)
    if isinstance(error, InvalidProxy):
        # Its address may have a password.
        return EngineError(target.name, what, f"the proxy cannot be used: {error.msg}", "Look at HTTPS_PROXY.")
    if isinstance(error, InvalidHandshake):
        return EngineError(target.name, what, f"{target.place} does not speak WebSocket: {error}")
    why = f"{target.place} cannot be reached: {error or type(error).__name__}"
    return EngineError(target.name, what, why, away_hint(target))


def away_hint(target: Target) -> str:
    """What to do about a vendor that cannot be reached."""
    return f"Look at the network, and at the address if one is set below [{target.kind}.{target.name}]."


def refusal(target: Target, status: int, body: bytes, what: str, code: str = "") -> EngineError:
    """The error of an HTTP status; `body` may have the vendor's reason, `code` its name for it."""
    code = _plain(code.partition(":")[0])
    said = target.without_keys(" ".join(filter(None, (code, _words(body)))))
    because = f"{status}: {said}" if said else str(status)
    if status in _REFUSED_KEY:
        return VendorRefusedError(target.name, what, f"{target.vendor} refused the key ({because})", target.hint)
    if status == 402:
        return VendorRefusedError(target.name, what, f"the account has no credit left ({because})")
    if status == 429 or code in _TOO_MUCH:
        why = f"the account has too many connections or requests at once ({because})"
        return EngineError(target.name, what, why, "Raise its limit, or take fewer calls.")
    if 400 <= status < 500 and status not in _MAY_PASS:
        hint = f"Look at the options below [{target.kind}.{target.name}]."
        refused = NotFoundError if status == 404 else VendorRefusedError
        return refused(target.name, what, f"{target.vendor} refused the request ({because})", hint)
    return EngineError(target.name, what, f"{target.vendor} failed ({because})")


def not_a_key(target: Target) -> EngineError:
    """The error of a header that cannot be sent."""
    why = "its key or another option has a character that HTTP does not allow"
    return VendorRefusedError(target.name, f"connecting to {target.vendor}", why, target.hint)


def closed(target: Target, code: int | None, reason: str | None) -> EngineError:
    """The error of a connection that is closed or broken."""
    what = f"talking to {target.vendor}"
    if code is None or code == _NO_CLOSE_FRAME:
        return EngineError(target.name, what, "the connection broke off")
    words = f" ({plain(target, reason)})" if reason else ""
    return EngineError(target.name, what, f"it closed the connection, code {code}{words}")


def plain(target: Target, text: str) -> str:
    """A vendor's own words on one line, without control characters, and without our key if it repeats it."""
    return target.without_keys(_plain(text))


def told(target: Target, error: EngineError) -> EngineError:
    """The same error, whatever a vendor has written into it."""
    why = target.without_keys("".join(c if c.isprintable() else " " for c in error.why[:MAX_WHY_CHARS]))
    return error if why == error.why else type(error)(error.engine, error.what, why, error.hint)


def _words(body: bytes) -> str:
    text = body[:2_000].decode("utf-8", "replace")
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return _plain(text)
    if isinstance(fields, dict):
        for name in ("err_msg", "message", "Message", "detail", "error", "description", "title", "reason"):
            value = fields.get(name)
            if isinstance(value, dict):
                value = value.get("message")
            if isinstance(value, str) and value:
                return _plain(value)
    return _plain(text)


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text).strip()[:MAX_WORDS_CHARS]
