"""An engine's own options: read into its type, with what is wrong in three parts."""

from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from offhook.engines.factory import EngineContext, FromEnvironment, read_options
from offhook.usererror import UserError

CONTEXT = EngineContext("asr", "cloud")


class Cloud(BaseModel):
    model_config = ConfigDict(extra="forbid")

    api_key: Annotated[SecretStr, FromEnvironment("CLOUD_API_KEY")]
    model: str = "small"
    pieces_ms: Annotated[int, Field(ge=20, le=100)] = 40


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUD_API_KEY", raising=False)


def test_options_become_a_value() -> None:
    read = read_options(Cloud, {"api_key": "s3cret", "pieces_ms": 20}, CONTEXT)
    assert (read.api_key.get_secret_value(), read.model, read.pieces_ms) == ("s3cret", "small", 20)


def test_a_key_comes_from_the_vendors_variable_and_the_settings_come_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUD_API_KEY", "of the environment")
    assert read_options(Cloud, {}, CONTEXT).api_key.get_secret_value() == "of the environment"
    assert read_options(Cloud, {"api_key": "of the settings"}, CONTEXT).api_key.get_secret_value() == "of the settings"


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UserError) as caught:
        read_options(Cloud, {"modle": "large", "pieces_ms": 5}, CONTEXT)
    found = {problem.what: problem for problem in caught.value.problems}
    assert found["cloud needs `api_key`"].todo == "export CLOUD_API_KEY=…"
    assert found["there is no option `modle`"].todo == "did you mean `model`?"
    assert found["`pieces_ms` cannot be that"].why == "it must be greater than or equal to 20"
    assert {problem.where for problem in caught.value.problems} == {"[asr.cloud]"}
    assert len(found) == 3


def test_a_secret_is_never_shown() -> None:
    with pytest.raises(UserError) as caught:
        read_options(Cloud, {"api_key": ["s3cret"]}, CONTEXT)
    assert "s3cret" not in caught.value.render()
