"""Who plays a persona in the calls of a run: its recording, or a model."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from offhook.qa.persona.prepared import Personas, recogniser_of
from offhook.qa.persona.recording import PersonaRecording, path_of, write_recording
from offhook.qa.script.reading import parse_script
from offhook.qa.script.steps import Speech
from offhook.settings.config import Config
from offhook.testing.models import ModelServer

SCRIPT = """
persona:
  goal: book a table
  model: {{name: scripted, base_url: "{url}", api_key_env: PERSONA_KEY}}
"""


async def silent(_: Sequence[Speech]) -> None:
    """Nothing has to be spoken."""


async def test_a_recording_is_made_anew_once_and_then_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = Config()
    async with ModelServer([]) as server, AsyncExitStack() as stack:
        monkeypatch.setenv("PERSONA_KEY", server.api_key or "")
        script = parse_script(SCRIPT.format(url=server.openai_url).encode(), str(tmp_path / "table.yaml"))
        assert script.persona is not None
        write_recording(path_of(script.where), PersonaRecording(script.persona, recogniser_of(config), (), "scripted"))
        again = Personas(config, True, stack)
        assert again.recording_of(script) is None
        await again.prepare(script, None, silent)
        assert again.recording_of(script) is not None
        assert Personas(config, False, stack).recording_of(script) is not None
