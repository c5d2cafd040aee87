"""The format of an encrypted file: a header, and chunks that each are encrypted and authenticated. Pure.

    header   16 bytes  "offhook-kept-1" and two of zero
              8 bytes  the key's id
             32 bytes  a random salt
    chunk     4 bytes  the length of what follows, big-endian
              n bytes  AES-256-GCM of up to 64 KiB, with the tag of 16 bytes behind it (RFC 5116 §5.2)

A file has a key of its own: HKDF with SHA-256 (RFC 5869) of the key and the salt. The nonce of a chunk is its number in
11 bytes, and one byte that is 1 in the last chunk and 0 in all others: the STREAM construction (Hoang, Reyhanitabar,
Rogaway, Vizár: Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance, CRYPTO 2015). So chunks that are
changed, swapped, repeated or left out do not decrypt, and a file whose last chunk is not the last one has no end: its
process was killed, or somebody has cut it.
"""

import secrets
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from offhook.encryption.keys import ID_BYTES, KEY_BYTES, Key

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"offhook-kept-1\0\0"
SALT_BYTES = 32
HEADER = struct.Struct(f">{len(MAGIC)}s{ID_BYTES}s{SALT_BYTES}s")
LENGTH = struct.Struct(">I")
TAG_BYTES = 16
MAX_CHUNK_BYTES = 65_536
"""Of what is encrypted; the tag comes on top."""


class UnreadableError(OSError):
    """An encrypted file cannot be decrypted; the text says why."""


class KeysAwayError(UnreadableError):
    """It cannot be decrypted now: the key file cannot be read, which says nothing about the file."""


class FileCipher:
    """Encrypts and decrypts the chunks of one file. `cryptography` has to be installed."""

    def __init__(self, key: Key, salt: bytes) -> None:
        self.header = HEADER.pack(MAGIC, key.id, salt)
        self._aead = _aead_of(key, salt)

    def encrypted(self, number: int, data: bytes, *, last: bool = False) -> bytes:
        """A chunk with its length. No two of a file may have the same number, but for a `last` one."""
        sealed = self._aead.encrypt(_nonce(number, last), data, None)
        return LENGTH.pack(len(sealed)) + sealed

    def decrypted(self, number: int, sealed: bytes, *, last: bool = False) -> bytes | None:
        """A chunk without its length; None if it is not that one, or was changed."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # an extra

        try:
            return self._aead.decrypt(_nonce(number, last), sealed, None)
        except InvalidTag:
            return None


def new_cipher(key: Key) -> FileCipher:
    """For a new file."""
    return FileCipher(key, secrets.token_bytes(SALT_BYTES))


def cipher_of(header: bytes, keys: Sequence[Key]) -> FileCipher:
    """For a file that there is. Raises UnreadableError if its key is not among `keys`, or the header is cut off."""
    if len(header) < HEADER.size:
        raise UnreadableError("its header is cut off")
    _, key_id, salt = HEADER.unpack(header[: HEADER.size])
    key = next((each for each in keys if each.id == key_id), None)
    if key is None:
        raise UnreadableError(f"it is encrypted with the key {key_id.hex()}, which is not in the key file")
    return FileCipher(key, salt)


def _aead_of(key: Key, salt: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # an extra
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

    return AESGCM(HKDF(SHA256(), KEY_BYTES, salt, MAGIC).derive(key.secret))


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
