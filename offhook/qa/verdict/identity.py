"""What a run was, so that only what is alike is compared: hashes of the script, and of what the caller says. Pure."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePath
from typing import Any

import msgspec

from offhook.qa.script.expect import Expectations
from offhook.qa.script.script import Script

DIGEST_BYTES = 16


def script_hash(script: Script) -> str:
    """Of all that decides how the call goes: what is expected of it, where the file is, and who is called, does not."""
    call = replace(script.call, target="")
    bare = replace(script, name="", expect=Expectations(), where="", lines=(), call=call)
    return _digest([msgspec.json.encode(_plain(bare), order="deterministic")])


def clips_hash(clips: Iterable[bytes]) -> str:
    """Of what the caller says, sample by sample."""
    return _digest(clips)


def _digest(parts: Iterable[bytes]) -> str:
    found = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()


def _plain(value: Any) -> Any:
    """Plain values, with the names of their types; a file counts by its content, which is among the clips."""
    if is_dataclass(value):
        known = {each.name: getattr(value, each.name) for each in fields(value)}
        if known.get("wav"):
            known["wav"] = PurePath(known["wav"]).name
        return {"": type(value).__name__, **{name: _plain(each) for name, each in known.items()}}
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value
