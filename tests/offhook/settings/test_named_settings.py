"""What errors, checks and help texts tell the user to type is there."""

import re
from pathlib import Path

import pytest

import offhook
from offhook.settings.config import Config
from offhook.settings.trunks import TrunkConfig

PACKAGE = Path(offhook.__file__).parent
NO_SECTIONS = {"name", "section"}
"""Placeholders."""

_SECTION = re.compile(r"`\[+([a-z_]+)(?:\.[^\]`]+)?\]+`")
_KEY = re.compile(r"`([a-z_0-9]+)(?: ?=[^`]*)?` below `?\[+([a-z_]+)(\.[^\]`]+)?\]")
_SPLIT_TEXT = re.compile(r"[\"']\s*\n\s*f?[\"']")


def texts() -> list[str]:
    return [_SPLIT_TEXT.sub("", each.read_text(encoding="utf-8")) for each in sorted(PACKAGE.rglob("*.py"))]


def test_sections() -> None:
    named = {name for text in texts() for name in _SECTION.findall(text)} - NO_SECTIONS
    assert len(named) > 10
    assert named <= Config.model_fields.keys()


def test_keys_of_sections_and_of_trunks() -> None:
    found = [each for text in texts() for each in _KEY.findall(text)]
    assert len(found) > 50
    for key, section, name in found:
        if section == "trunks":
            assert key in TrunkConfig.model_fields, key
        elif not name:
            annotation = Config.model_fields[section].annotation
            assert key in getattr(annotation, "model_fields", {}), f"{key} below [{section}]"


@pytest.mark.parametrize(("text", "found"), [("`host` below `[captures]`", ["captures"]), ("`[[routes]]`", ["routes"])])
def test_they_are_found(text: str, found: list[str]) -> None:
    assert _SECTION.findall(text) == found
