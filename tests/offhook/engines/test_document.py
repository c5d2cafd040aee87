"""The engine that docs/engines.md shows is one."""

import re
import sys
from pathlib import Path

import pytest

from offhook.engines.engine_set import EngineSet
from offhook.pipeline.asr.engine import AsrRequest
from offhook.settings.config import AsrConfig, Config, TtsConfig, VadConfig
from offhook.usererror import UserError

PAGE = (Path(__file__).parents[3] / "docs" / "engines.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)

QUIET, LOUD = bytes(1_600), b"\x00\x20" * 800


@pytest.fixture
def sounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    (tmp_path / "sounds.py").write_text(BLOCKS[0], encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounds", raising=False)
    asr = AsrConfig(engine="sounds:make")
    return Config(asr=asr, tts=TtsConfig(engine="recorded"), vad=VadConfig(engine="energy"))


async def test_it_recognises(sounds: Config) -> None:
    engines = EngineSet(sounds)
    await engines.start()
    try:
        partials: list[str] = []
        stream = engines.asr.open(AsrRequest("#JSGF V1.0;", ("one", "two")), partials.append)
        for pcm in (QUIET, LOUD, QUIET, LOUD, QUIET):
            stream.feed(pcm)
        assert ((await stream.finish()).text, partials) == ("two", ["one", "two"])
    finally:
        await engines.close()


def test_its_options_are_checked(sounds: Config) -> None:
    options = {"sounds:make": {"level": "high"}}
    with pytest.raises(UserError, match="`level` cannot be that"):
        EngineSet(sounds.model_copy(update={"asr": AsrConfig(engine="sounds:make", options=options)}))


def test_it_is_short() -> None:
    assert len(BLOCKS[0].splitlines()) <= 60


def test_the_other_programs_can_be_imported() -> None:
    for block in BLOCKS[1:]:
        exec(compile(block, "docs/engines.md", "exec"), {})
