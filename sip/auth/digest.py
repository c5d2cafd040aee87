"""The digest itself: RFC 7616 §3.4.1 to §3.4.3, with the algorithms of RFC 8760."""

import hashlib
from collections.abc import Callable, Mapping

ALGORITHMS: Mapping[str, str] = {"SHA-512-256": "sha512_256", "SHA-256": "sha256", "MD5": "md5"}
"""By name, the strongest first, as hashlib calls them."""

_SESSION = "-sess"


def known(algorithm: str) -> bool:
    """Whether the algorithm, in whatever case, can be computed here."""
    return _plain(algorithm) in ALGORITHMS


def strength(algorithm: str) -> int:
    """More is stronger."""
    return -list(ALGORITHMS).index(_plain(algorithm))


def hash_of(algorithm: str, text: str) -> str:
    """The hash of a text, in hexadecimal."""
    # MD5 is what most of the world's trunks ask for; it protects the password here as little as it does there.
    return hashlib.new(ALGORITHMS[_plain(algorithm)], text.encode("utf-8", "surrogateescape")).hexdigest()


def secret_of(algorithm: str, username: str, realm: str, password: str) -> str:
    """H(A1) without a session: all that a server needs to keep of a password."""
    return hash_of(algorithm, f"{username}:{realm}:{password}")


def response(  # noqa: PLR0913  # they are the fields that the RFC hashes
    secret: str,
    *,
    algorithm: str,
    method: str,
    uri: str,
    nonce: str,
    qop: str | None = None,
    nc: int = 0,
    cnonce: str = "",
    body: bytes = b"",
) -> str:
    """The response; `secret` is that of `secret_of`. `body` counts with the qop "auth-int"."""
    hashed: Callable[[str], str] = lambda text: hash_of(algorithm, text)  # noqa: E731  # short names read as the RFC
    if algorithm.lower().endswith(_SESSION):
        secret = hashed(f"{secret}:{nonce}:{cnonce}")
    request = f"{method}:{uri}"
    if qop == "auth-int":
        request += f":{hashlib.new(ALGORITHMS[_plain(algorithm)], body).hexdigest()}"
    if qop is None:
        return hashed(f"{secret}:{nonce}:{hashed(request)}")
    return hashed(f"{secret}:{nonce}:{nc:08x}:{cnonce}:{qop}:{hashed(request)}")


def _plain(algorithm: str) -> str:
    upper = algorithm.upper()
    return upper.removesuffix(_SESSION.upper())
