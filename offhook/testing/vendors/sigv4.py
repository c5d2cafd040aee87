"""Checks Amazon's Signature Version 4, of requests and of the messages of a stream. Pure.

Written after "Create a signed AWS API request" (IAM User Guide) and, for streams, the string to sign of
AWS4-HMAC-SHA256-PAYLOAD (Transcribe Developer Guide, "Setting up a streaming transcription").
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from offhook.vendors.event_stream import Event, encode_headers

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=5)
MAX_EXPIRES_S = 300
STREAMED = "STREAMING-AWS4-HMAC-SHA256-EVENTS"
UNSIGNED = "UNSIGNED-PAYLOAD"


class SignatureError(Exception):
    """A signature that is missing or wrong. `code` is Amazon's name for that."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Signed:
    """A request with a right signature: what the messages after it are signed with."""

    key: bytes
    scope: str
    signature: str

    def next(self, event: Event) -> "Signed":
        """Check a message of the stream; returns what the next one is checked with. Raises SignatureError."""
        date, given = event.headers.get(":date"), event.headers.get(":chunk-signature")
        if not isinstance(date, datetime) or not isinstance(given, bytes):
            raise SignatureError("InvalidSignatureException", "The message is not signed.")
        parts = (
            f"{ALGORITHM}-PAYLOAD",
            f"{date:%Y%m%dT%H%M%SZ}",
            self.scope,
            self.signature,
            sha256(encode_headers({":date": date})).hexdigest(),
            sha256(event.payload).hexdigest(),
        )
        expected = hmac.digest(self.key, "\n".join(parts).encode(), "sha256")
        if not hmac.compare_digest(expected, given):
            raise SignatureError("InvalidSignatureException", "The signature of a message does not match.")
        return Signed(self.key, self.scope, expected.hex())


def check(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    keys: Mapping[str, str],
    service: str,
    now: datetime,
) -> Signed:
    """Check a request. `target` is its path and query, `headers` have names in lower case, `body` is empty if it is a
    stream, and `keys` are the secret keys by access key id. Raises SignatureError."""
    url = urlsplit(target)
    query = parse_qsl(url.query, keep_blank_values=True)
    fields = _of_query(dict(query)) if "X-Amz-Signature" in dict(query) else _of_header(headers)
    key_id, _, scope = fields["Credential"].partition("/")
    day, region, scoped_service, end = (scope.split("/") + [""] * 4)[:4]
    if scoped_service != service or end != "aws4_request":
        why = f"Credential should be scoped to correct service: '{service}'."
        raise SignatureError("InvalidSignatureException", why)
    if key_id not in keys:
        raise SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.")
    stamp = fields["Date"] or headers.get("x-amz-date", "")
    _check_time(stamp, int(fields["Expires"]), day, now)
    names = fields["SignedHeaders"].split(";")
    if "host" not in names:
        raise SignatureError("InvalidSignatureException", "'Host' must be a 'SignedHeader'.")
    body_hash = sha256(body).hexdigest()
    claimed = headers.get("x-amz-content-sha256", body_hash)
    if claimed not in (UNSIGNED, STREAMED, body_hash):
        raise SignatureError("InvalidSignatureException", "The hash of the body does not match.")
    canonical = "\n".join(
        (
            method,
            quote(unquote(url.path), safe="/-_.~"),
            "&".join(sorted(f"{_quoted(name)}={_quoted(value)}" for name, value in query if name != "X-Amz-Signature")),
            *(f"{name}:{' '.join(headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            claimed,
        )
    )
    key = b"AWS4" + keys[key_id].encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    to_sign = "\n".join((ALGORITHM, stamp, scope, sha256(canonical.encode()).hexdigest()))
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    if not hmac.compare_digest(signature, fields["Signature"]):
        why = "The request signature we calculated does not match the signature you provided."
        raise SignatureError("InvalidSignatureException", why)
    return Signed(key, scope, signature)


def _of_query(query: Mapping[str, str]) -> dict[str, str]:
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    fields = {name: query.get(f"X-Amz-{name}", "") for name in names}
    if fields["Algorithm"] != ALGORITHM or not fields["Expires"].isdigit():
        raise SignatureError("IncompleteSignatureException", "X-Amz-Algorithm or X-Amz-Expires is wrong.")
    if int(fields["Expires"]) > MAX_EXPIRES_S:
        raise SignatureError("InvalidSignatureException", f"X-Amz-Expires must be at most {MAX_EXPIRES_S}.")
    return fields


def _of_header(headers: Mapping[str, str]) -> dict[str, str]:
    algorithm, _, rest = headers.get("authorization", "").partition(" ")
    if algorithm != ALGORITHM:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    pairs = (each.strip().partition("=") for each in rest.split(","))
    fields = {name: value for name, _, value in pairs}
    signed = {name: fields.get(name, "") for name in ("Credential", "SignedHeaders", "Signature")}
    return {"Date": "", "Expires": "0", **signed}


def _check_time(stamp: str, expires_s: int, day: str, now: datetime) -> None:
    try:
        at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.") from None
    age = now - at
    allowed = timedelta(seconds=expires_s) if expires_s else MAX_SKEW
    if stamp[:8] != day or age > allowed or age < -MAX_SKEW:
        raise SignatureError("InvalidSignatureException", f"Signature expired: {stamp} is not now.")


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
