"""What one document can have the bot load, and what is kept of the messages that an application plays."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from offhook import sound_file
from offhook.encryption.keys import read_keys
from offhook.http_request import HttpBody, HttpRequest
from offhook.pipeline.tts.recording import Recording
from offhook.records.message import save_message
from offhook.testing import run
from offhook.twiml import prompts
from offhook.twiml.application import Application
from tests.offhook.encryption.keyfile import key_file
from tests.offhook.twiml.table import Case, played, sound, written


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sounds that a server was asked for, each half a second long."""
    found: list[str] = []

    def counted(request: HttpRequest, values: Mapping[str, Any]) -> AbstractAsyncContextManager[HttpBody]:
        found.append(request.url)
        return sound(request, values)

    monkeypatch.setattr(HttpRequest, "open", counted)
    return found


def gather(*names: str) -> Case:
    plays = "".join(f"<Play>/{name}.wav</Play>" for name in names)
    return Case("", written(f"<Gather>{plays}</Gather>"), caller=("waits 1", "hangs up"))


def test_no_more_sounds_are_loaded_than_are_played(asked: list[str], tmp_path: Path) -> None:
    run(played(gather(*map(str, range(prompts.MAX_PARTS + 100))), tmp_path))
    assert len(asked) == prompts.MAX_PARTS


def test_together_they_have_a_longest_time(asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "MAX_SOUND_S", 2)
    outcome = run(played(gather(*map(str, range(20))), tmp_path))
    assert 4 <= len(asked) <= 5
    assert any("longer than 2 s" in each for each in outcome.reports)


def test_the_same_sound_is_loaded_once(asked: list[str], tmp_path: Path) -> None:
    run(played(gather(*["same"] * 50), tmp_path))
    assert len(asked) == 1


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_message_that_is_played_is_not_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    monkeypatch.setattr(sound_file, "_kept", kept := OrderedDict[object, Recording]())
    keys = key_file(tmp_path)
    path = save_message(tmp_path, "c1", bytes(16_000), read_keys(keys)[0] if encrypted else None)
    application = Application("https://ivr.example.com", key_file=keys)

    async def play() -> Recording:
        call, recordings = SimpleNamespace(until_ended=_done), {"https://ivr.example.com/RE1": path}
        running: Any = SimpleNamespace(call=call, recordings=recordings, application=application)
        return await prompts.loaded(running, "https://ivr.example.com/RE1.wav", prompts.Room.whole())

    assert asyncio.run(play()).seconds == 1.0
    assert not kept


async def _done(work: Awaitable[Recording]) -> Recording:
    return await work
