"""The keys of what is kept: a file with a line for each. The first one encrypts, all decrypt."""

import base64
import hashlib
import os
import re
import secrets
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from offhook.usererror import UserError

KEY_BYTES = 32
ID_BYTES = 8
MAX_KEYS = 1_000
MAX_FILE_BYTES = 131_072
"""So many keys, each with the comment of `offhook records key`, are 94,000."""

_PREFIX = "offhook-key-1:"
_LINE = re.compile(rf"{_PREFIX}([A-Za-z0-9_-]{{43}})")
_MODULES = ("cryptography.hazmat.primitives.ciphers.aead", "cryptography.hazmat.primitives.kdf.hkdf")
_MAKE = "offhook records key FILE"


@dataclass(frozen=True, slots=True)
class Key:
    """256 random bits."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """What a file names it by; nobody gets the key from it."""
        return hashlib.sha256(b"offhook key id" + self.secret).digest()[:ID_BYTES]

    @property
    def line(self) -> str:
        """It as it stands in a file."""
        return _PREFIX + base64.urlsafe_b64encode(self.secret).decode().rstrip("=")


def new_key() -> Key:
    """A key that nobody else has."""
    return Key(secrets.token_bytes(KEY_BYTES))


def parse_keys(text: str, where: str) -> tuple[Key, ...]:
    """The keys in a file; empty lines and those that begin with # are left out. Raises UserError, which shows nothing
    of a line."""
    found: list[Key] = []
    for number, line in enumerate(text.splitlines(), 1):
        content = line.strip()
        if not content or content.startswith("#"):
            continue
        matched = _LINE.fullmatch(content)
        if matched is None:
            why = f"a key is `{_PREFIX}` and 43 characters, in a line of its own"
            raise UserError("a line of the key file is no key", why, _MAKE, f"{where}:{number}")
        found.append(Key(base64.urlsafe_b64decode(matched[1] + "=")))
    if not found:
        raise UserError("the key file has no key", "there is no line with one", _MAKE, where)
    if len(found) > MAX_KEYS:
        todo = "remove those whose files are gone"
        raise UserError("the key file has too many keys", f"at most {MAX_KEYS} are read", todo, where)
    return tuple(found)


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file, the newest first. Raises UserError."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise ValueError(f"at most {MAX_FILE_BYTES} bytes are read")
        return parse_keys(data.decode("ascii"), str(path))
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or ("it is no text" if isinstance(error, UnicodeError) else str(error))
        todo = f"`key_file = …` below `[records]`; `offhook records key {path}` makes one"
        if isinstance(error, PermissionError):
            todo = f"chown {os.geteuid()} {path}, if this is the user that runs the bot"
        raise UserError("the key file cannot be read", why, todo, str(path)) from error


def key_for(encrypt: bool, key_file: Path | None) -> Key | None:
    """The key for what is written from now on; None: it is not encrypted. Raises UserError, also for a file of old keys
    that cannot be read."""
    if key_file is None:
        assert not encrypt, "the settings have no encryption without a file"
        return None
    keys = read_keys(key_file)
    require_package()
    return keys[0] if encrypt else None


def require_package() -> None:
    """Load the package that encrypts, which takes a while. Raises UserError where it is missing: it is an extra."""
    try:
        for name in _MODULES:
            import_module(name)
    except ImportError as error:
        why = f"the package cryptography, which does it, is not installed ({error.name})"
        raise UserError("nothing can be encrypted or decrypted", why, "pip install 'offhook[encryption]'") from error
