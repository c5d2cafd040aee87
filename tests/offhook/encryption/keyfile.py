"""Key files for tests."""

from pathlib import Path

from offhook.encryption.keys import Key, new_key


def key_file(folder: Path, *keys: Key) -> Path:
    """A file with these keys, or with a new one."""
    path = folder / "records.keys"
    path.write_text("".join(f"{key.line}\n" for key in keys or (new_key(),)), encoding="ascii")
    return path
