"""The network rewritten, and the file format that it takes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.pipeline.vad import _onnx
from offhook.pipeline.vad._dense import BRANCH, dense
from offhook.pipeline.vad.silero import find_model


def original() -> bytes:
    return find_model().read_bytes()


def session(model: bytes) -> Any:
    ort = pytest.importorskip("onnxruntime")
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


def test_it_agrees_with_the_original() -> None:
    rewritten = dense(original())
    assert rewritten is not None
    old, new = session(original()), session(rewritten.whole)
    rng = np.random.default_rng(1)
    state = np.zeros((2, 8, 128), np.float32)
    for step in range(60):
        level = 10 ** rng.uniform(-4, -0.5, (8, 1))
        feeds = {"input": (rng.normal(size=(8, 288)) * level).astype(np.float32), "state": state}
        probability, after = old.run(("output", "stateN"), feeds | {"sr": np.array(8_000, np.int64)})
        found, state = new.run(("output", "stateN"), feeds)
        assert found == pytest.approx(probability, abs=2e-5), step
        assert state == pytest.approx(after, abs=2e-4), step


def test_the_halves_agree_with_the_original() -> None:
    rewritten = dense(original())
    assert rewritten is not None
    whole, encoder, decoder = session(rewritten.whole), session(rewritten.encoder), session(rewritten.decoder)
    rng = np.random.default_rng(2)
    for batch in (1, 2, 5, 33):
        audio = rng.normal(size=(batch, 288)).astype(np.float32)
        state = rng.normal(size=(2, batch, 128)).astype(np.float32)
        expected = whole.run(("output", "stateN"), {"input": audio, "state": state})
        (features,) = encoder.run(("features",), {"input": audio})
        found = decoder.run(("output", "stateN"), {"features": features, "state": state})
        # The kernels that a runtime chooses for the halves may round differently.
        assert all(np.allclose(left, right, rtol=0, atol=1e-5) for left, right in zip(expected, found, strict=True))


def test_a_model_that_is_cut_off_or_another_is_not_rewritten() -> None:
    model = original()
    assert dense(model[: len(model) // 2]) is None
    assert dense(b"") is None
    assert dense(b"not a model") is None
    rewritten = dense(model)
    assert rewritten is not None
    assert dense(rewritten.whole) is None


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_whatever_the_file_holds_it_is_weights_or_an_error(data: bytes) -> None:
    try:
        found = _onnx.weights(data, BRANCH)
    except ValueError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())


def test_a_written_model_runs() -> None:
    model = _onnx.model(
        [_onnx.node("Concat", ["a", "b"], ["both"], axis=-1), _onnx.node("Add", ["both", "c"], ["sum"])],
        [_onnx.tensor("c", np.arange(300, dtype=np.float32).reshape(300, 1).T)],
        [_onnx.value("a", ("n", 100)), _onnx.value("b", ("n", 200))],
        [_onnx.value("sum", ("n", 300))],
    )
    found = session(model).run(None, {"a": np.ones((2, 100), np.float32), "b": np.zeros((2, 200), np.float32)})
    assert found[0][1].tolist() == [*(np.arange(100) + 1), *range(100, 300)]
