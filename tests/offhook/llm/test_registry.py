"""Models by the options of their tables, and what `offhook check` says of them."""

from pathlib import Path
from typing import Any

import pytest

from offhook.cli.checks import language_models
from offhook.cli.checks.finding import Level
from offhook.llm.registry import make_chain, make_model
from offhook.settings.config import Config
from offhook.testing.models import ModelServer
from offhook.usererror import UserError

LOCAL = {"model": "m", "base_url": "http://127.0.0.1:1/v1"}


def config(**llm: Any) -> Config:
    return Config.model_validate({"llm": llm})


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("mine", {"provider": "openia", "model": "m"}, "did you mean `openai`"),
        ("openai", {}, "openai needs `model`"),
        ("openai", LOCAL | {"modle": "x"}, "did you mean `model`"),
        ("openai", LOCAL | {"base_url": "127.0.0.1"}, "`base_url` cannot be that"),
        ("openai", LOCAL | {"price_input": -1}, "`price_input` cannot be that"),
        ("mine", {"provider": "nowhere_at_all:make"}, "there is no module 'nowhere_at_all'"),
        ("mine", {"provider": "builtins:str"}, "cannot be made"),
    ],
)
def test_wrong_options(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as error:
        make_model(name, options)
    assert words in error.value.render()
    assert f"[llm.{name}]" in error.value.render()


async def test_names() -> None:
    for name, options, shown in (
        ("openai", LOCAL, "openai/m"),
        ("fast", LOCAL, "fast/m"),
        ("anthropic", {"model": "m", "api_key": "k"}, "anthropic/m"),
        ("spare", {"provider": "gemini", "model": "m", "api_key": "k"}, "spare/m"),
    ):
        model = make_model(name, options)
        assert model.name == shown
        await model.close()


def test_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.llm.registry.find_spec", lambda name: None)
    with pytest.raises(UserError) as error:
        make_model("anthropic", {"model": "m", "api_key": "k"})
    assert "pip install 'offhook[anthropic]'" in error.value.render()


async def test_a_model_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_model_of_tests.py").write_text(
        "class Echo:\n"
        "    def __init__(self, name, options):\n        self.name, self.options = name, options\n"
        "    def stream(self, request): ...\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    options = {"provider": "my_model_of_tests:Echo", "depth": 3}
    chain = make_chain(config(engine="echo", echo=options).llm)
    assert chain.name == "echo"
    assert getattr(chain.members[0].model, "options") == {"depth": 3}  # noqa: B009


def test_keys_are_secrets_and_variables_set_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_LLM__ENGINE", "fast")
    monkeypatch.setenv("OFFHOOK_LLM__FAST__API_KEY", "very-secret")
    monkeypatch.setenv("OFFHOOK_LLM__FAST__MODEL", "m")
    loaded = Config.load()
    assert loaded.llm.chain == ("fast",)
    assert "very-secret" not in str(loaded.redacted())
    assert "very-secret" not in repr(loaded)


async def test_check() -> None:
    assert await language_models.check(Config()) == []
    async with ModelServer() as server:
        right = {"model": "scripted", "base_url": server.openai_url, "api_key": "test-key"}
        (found,) = await language_models.check(config(openai=right))
        assert (found.level, found.problem.what) == (Level.OK, "openai/scripted answers")
        _, found = await language_models.check(config(openai=right | {"model": "m"}))
        assert (found.level, found.problem.why) == (Level.WARNING, "the server lists scripted")
        (found,) = await language_models.check(config(openai=right | {"api_key": "wrong-key"}))
        assert found.level is Level.SETTINGS
        assert "refused the key" in found.render()
        assert "wrong-key" not in found.render()
        unused, _ = await language_models.check(config(openai=right, spare=LOCAL))
        assert unused.level is Level.WARNING
        assert "`[llm.spare]` is not used" in unused.render()
    (found,) = await language_models.check(config(openai=LOCAL))
    assert found.level is Level.WARNING
    assert "openai/m is away" in found.render()
