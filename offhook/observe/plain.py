"""Live state as JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

MAX_DEPTH = 12


def plain(value: Any, depth: int = 0) -> Any:
    """The value in JSON's types; anything but numbers, lists and mappings becomes text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return "…"
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return str(value)
