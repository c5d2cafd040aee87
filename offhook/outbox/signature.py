"""The signature of webhooks, as the Standard Webhooks specification has it (symmetric, version `v1`).

HMAC-SHA256 over `ID.TIMESTAMP.BODY`, in base64. The secret is `whsec_` and 24 to 64 bytes in base64.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
PREFIX = "whsec_"
TOLERANCE_S = 300.0
"""How old a request may be, and how far ahead of the receiver's clock: an older one may be a repeat by others."""


def secret_bytes(secret: str) -> bytes:
    """The key. Raises ValueError for what is no secret."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a secret begins with {PREFIX}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError(f"what follows {PREFIX} is not base64") from error
    if not 24 <= len(key) <= 64:
        raise ValueError(f"a secret has 24 to 64 bytes, and this one has {len(key)}")
    return key


def signed_headers(secret: str, id_: str, at: float, body: bytes) -> dict[str, str]:
    """The three header fields of a request that is sent at a Unix time. Raises ValueError as `secret_bytes` does."""
    timestamp = str(int(at))
    return {ID: id_, TIMESTAMP: timestamp, SIGNATURE: f"v1,{_mac(secret, id_, timestamp, body)}"}


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether a request with these header fields, by their names in small letters, is signed and recent."""
    timestamp = headers.get(TIMESTAMP, "")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    wanted = f"v1,{_mac(secret, headers.get(ID, ''), timestamp, body)}".encode()
    given = headers.get(SIGNATURE, "").encode().split(b" ")
    return any(hmac.compare_digest(wanted, each) for each in given)


def _mac(secret: str, id_: str, timestamp: str, body: bytes) -> str:
    content = f"{id_}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(secret_bytes(secret), content, hashlib.sha256)).decode()
