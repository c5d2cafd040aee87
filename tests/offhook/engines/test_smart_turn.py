"""smart-turn: its settings, and the real network where a pipecat-ai package is installed."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from offhook.engines import smart_turn
from offhook.engines.smart_turn import SmartTurn, _installed, make_adviser
from offhook.settings.config import Config
from offhook.usererror import UserError


def settings(**turn: str) -> Config:
    return Config.load(None, {"turn": turn})


def test_there_is_none_by_default() -> None:
    assert make_adviser(settings()) is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="smart-turn cannot be used") as caught:
        make_adviser(settings(adviser="smart-turn", adviser_model=str(tmp_path / "none.onnx")))
    assert "none.onnx" in str(caught.value)


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "text.onnx"
    path.write_text("hello")
    with pytest.raises(UserError, match="cannot be loaded"):
        make_adviser(settings(adviser="smart-turn", adviser_model=str(path)))


def test_a_model_that_was_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Path] = []
    monkeypatch.setattr(smart_turn, "SmartTurn", loaded.append)
    for name in ("smart-turn-v3.1", "smart-turn-v3.2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}-cpu.onnx").write_bytes(b"network")
    models = {"models": {"dir": str(tmp_path)}}
    for given in ("", "smart-turn-v3.1", str(tmp_path / "smart-turn-v3.1")):
        turn = {"adviser": "smart-turn", "adviser_model": given}
        make_adviser(Config.load(None, {**models, "turn": turn}))
    newest, older = (tmp_path / name / f"{name}-cpu.onnx" for name in ("smart-turn-v3.2", "smart-turn-v3.1"))
    assert loaded == [newest, older, older]
    monkeypatch.setattr(smart_turn, "_installed", lambda: None)
    with pytest.raises(UserError, match="smart-turn cannot be used") as error:
        make_adviser(Config.load(None, {"models": {"dir": str(tmp_path / "x")}, "turn": {"adviser": "smart-turn"}}))
    assert "offhook models add smart-turn-v3.2" in error.value.problems[0].todo


def test_another_network_is_refused() -> None:
    found = find_spec("silero_vad")
    models = sorted(Path(next(iter(found.submodule_search_locations or ()))).rglob("*.onnx")) if found else []
    if not models:
        pytest.skip("silero-vad, as another network, is not installed")
    with pytest.raises(UserError, match="another network"):
        SmartTurn(models[0])


def test_the_network_gives_probabilities() -> None:
    path = _installed()
    if path is None:
        pytest.skip("pip install --no-deps pipecat-ai")
    adviser = SmartTurn(path)
    rng = np.random.default_rng(1)
    for samples in (0, 1_600, 64_000, 200_000):
        pcm = rng.normal(scale=2_000, size=samples).astype("<i2").tobytes()
        assert 0.0 <= adviser.score(pcm) <= 1.0
    assert adviser.score(b"\0") == adviser.score(b"")
