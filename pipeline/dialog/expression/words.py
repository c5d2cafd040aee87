"""The names in expressions that are values themselves."""

from collections.abc import Mapping

WORDS: Mapping[str, object] = {
    "true": True,
    "false": False,
    "yes": True,
    "no": False,
    "nothing": None,
    "null": None,
}
