"""The signature of Twilio's requests: HMAC-SHA1 over the URL as Twilio knows it, and the form's fields.

Source: Twilio's "Webhooks Security". The URL is the one configured there: never built from the request's own
`Host` or `X-Forwarded-*`, which the sender chooses.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs, urlsplit, urlunsplit

_DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def sign(auth_token: str, url: str, fields: Mapping[str, Sequence[str]] | None = None) -> str:
    """The value of X-Twilio-Signature. `fields` are those of a form, each with its values."""
    text = url + "".join(name + value for name in sorted(fields or {}) for value in sorted(set((fields or {})[name])))
    return base64.b64encode(hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()).decode("ascii")


def is_signed(auth_token: str, url: str, signature: str, fields: Mapping[str, Sequence[str]] | None = None) -> bool:
    """Whether Twilio has signed this. The port may or may not have been part of the URL."""
    given = signature.encode()
    # Compare all, to take constant time.
    matches = [
        hmac.compare_digest(sign(auth_token, each, fields).encode(), given) for each in _with_and_without_port(url)
    ]
    return any(matches)


def is_signed_body(auth_token: str, url: str, signature: str, body: bytes) -> bool:
    """The same for a body other than a form: the URL then has `bodySHA256`; without it the body is not signed."""
    expected = parse_qs(urlsplit(url).query).get("bodySHA256", [])
    digest = hashlib.sha256(body).hexdigest()
    matches = len(expected) == 1 and hmac.compare_digest(expected[0].encode(), digest.encode())
    return is_signed(auth_token, url, signature) and matches


def _with_and_without_port(url: str) -> set[str]:
    """With and without the port, as Twilio's own libraries try: the signer omits the port of some URLs."""
    parts = urlsplit(url)
    if parts.hostname is None:
        return {url}
    user, at, host = parts.netloc.rpartition("@")
    bare = host.rpartition(":")[0] if parts.port is not None else host.removesuffix(":")
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    netlocs = {bare} if port is None else {bare, f"{bare}:{port}"}
    return {url, *(urlunsplit(parts._replace(netloc=f"{user}{at}{netloc}")) for netloc in netlocs)}
