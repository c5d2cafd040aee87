"""What is said before the first call about models that are missing, incomplete, or cannot do what was asked."""

import shutil
from pathlib import Path

import pytest

from offhook.engines.factory import EngineContext
from offhook.engines.local_asr import sherpa, vosk
from offhook.models.store import ModelStore
from offhook.usererror import UserError


@pytest.fixture
def context(tmp_path: Path) -> EngineContext:
    return EngineContext("asr", "vosk", models_dir=tmp_path / "models")


def test_a_missing_model(context: EngineContext) -> None:
    with pytest.raises(UserError) as caught:
        vosk({}, context)
    problem = caught.value.problems[0]
    assert problem.todo == "offhook models add vosk-model-small-en-us-0.15"
    assert problem.where == "[asr.vosk]"
    with pytest.raises(UserError, match="is not here"):
        sherpa({"model": "sherpa-onnx-streaming-zipformer-en-2023-06-26"}, context)


def test_a_model_by_path_and_by_name(context: EngineContext, vosk_toy: Path, sherpa_toy: Path) -> None:
    engine = vosk({"model": str(vosk_toy), "languages": ["en"]}, context)
    assert engine.capabilities.rate_hz == 8_000
    assert engine.capabilities.grammar
    assert engine.capabilities.languages == ("en",)
    assert not vosk({"model": str(vosk_toy), "grammars": False}, context).capabilities.grammar
    store = ModelStore(context.models_dir)
    shutil.copytree(sherpa_toy, store.folder / "mine")
    assert sherpa({"model": "mine", "ends_turns": True}, context).capabilities.ends_turns
    assert not sherpa({}, context).capabilities.grammar
    with pytest.raises(UserError, match="is not a vosk model"):
        vosk({"model": "mine"}, context)


def test_a_fixed_graph_takes_no_grammars(context: EngineContext, vosk_toy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "fixed"
    shutil.copytree(vosk_toy, folder)
    shutil.copy(folder / "static" / "HCLG.fst", folder / "graph")
    assert not vosk({"model": str(folder)}, context).capabilities.grammar
    with pytest.raises(UserError) as caught:
        vosk({"model": str(folder), "grammars": True}, context)
    (problem,) = caught.value.problems
    assert "takes no grammars" in problem.what
    assert "HCLG.fst" in problem.why
    assert "vosk-model-small-en-us-0.15" in problem.todo


@pytest.mark.parametrize("gone", ["conf/mfcc.conf", "graph/HCLr.fst"])
def test_an_incomplete_model(context: EngineContext, vosk_toy: Path, tmp_path: Path, gone: str) -> None:
    folder = tmp_path / "part"
    shutil.copytree(vosk_toy, folder)
    (folder / gone).unlink()
    with pytest.raises(UserError, match="incomplete") as caught:
        vosk({"model": str(folder)}, context)
    assert Path(gone).name in caught.value.problems[0].why


def test_options_are_checked(context: EngineContext) -> None:
    with pytest.raises(UserError) as caught:
        vosk({"modell": "x", "streams": 0}, context)
    assert len(caught.value.problems) == 2
