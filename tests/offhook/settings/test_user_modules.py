"""Bots, engines and policies in modules of the user's own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from offhook.api.routing import route_dialog
from offhook.engines.endpoint import make_endpoint_policy
from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import make_asr
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.errors import EngineError
from offhook.settings.config import Config
from offhook.settings.user_modules import import_user_module
from offhook.usererror import UserError

MODULES = {
    "my_bot": "async def order(call): ...\n",
    "my_turns": """
class Eager:
    def decide(self, turn, now): ...

def policy(config):
    return Eager()

def nothing(config):
    return None

def fails(config):
    return 1 / 0
""",
    "my_engine": """
from offhook import AsrCapabilities, HostedAsr

def make(options, context):
    has = AsrCapabilities(8_000, grammar=False, free_speech=True, partials=False)
    return HostedAsr(context.name, "my_words:Words", has, options=options, workers=context.workers)

def number(options, context):
    return 5

def fails(options, context):
    raise KeyError("model")
""",
    "my_words": """
from offhook import Transcript

class Turn:
    def feed(self, pcm): ...
    def finish(self): return Transcript("seven", 1.0)

class Words:
    rate_hz = 8_000
    def open(self, grammar): return Turn()
""",
    "my_broken": "x = undefined\n",
    "my_needy": "import a_package_that_is_not_there\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a configuration file and modules, which is not the current one."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    bot = tmp_path / "bot"
    bot.mkdir()
    for name, text in MODULES.items():
        (bot / f"{name}.py").write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    yield bot
    for name in MODULES:
        sys.modules.pop(name, None)


def load(folder: Path, text: str) -> Config:
    (folder / "offhook.toml").write_text(text)
    return Config.load(folder / "offhook.toml")


def test_a_bot_beside_the_configuration(folder: Path) -> None:
    config = load(folder, '[[routes]]\nnumber = "1"\nbot = "my_bot:order"\n')
    assert getattr(route_dialog(config, 0), "__name__", "") == "order"


def test_a_policy_beside_the_configuration(folder: Path) -> None:
    assert type(make_endpoint_policy(load(folder, '[turn]\nendpoint = "my_turns:policy"\n'))).__name__ == "Eager"


async def test_an_engine_beside_the_configuration_and_what_it_runs_in_children(folder: Path) -> None:
    asr = make_asr(load(folder, '[asr]\nengine = "my_engine:make"\n'))
    await asr.start()
    try:
        stream = asr.open(AsrRequest("", ()), lambda text: None)
        stream.feed(bytes(640))
        assert (await stream.finish()).text == "seven"
    finally:
        await asr.close()


def test_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert import_user_module("my_bot").order


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("my_turn:policy", "there is no module 'my_turn' in "),
        ("my_turns:polici", "has no attribute 'polici'"),
        ("my_turns:nothing", "returned None, which has no `decide`"),
        ("my_turns:fails", "ZeroDivisionError: division by zero ("),
        ("my_broken:policy", "NameError: name 'undefined' is not defined ("),
        ("my_needy:policy", "No module named 'a_package_that_is_not_there'"),
    ],
)
def test_a_policy_that_cannot_be_used_is_refused_before_the_first_call(folder: Path, endpoint: str, why: str) -> None:
    config = load(folder, f'[turn]\nendpoint = "{endpoint}"\n[asr]\nengine = "fixed"\n[tts]\nengine = "recorded"\n')
    with pytest.raises(UserError) as caught:
        EngineSet(config)
    assert why in caught.value.problems[0].why
    assert caught.value.problems[0].where == "[turn] endpoint"


@pytest.mark.parametrize(
    ("engine", "why"),
    [
        ("my_engin:make", "there is no module 'my_engin' in "),
        ("my_engine:mak", "my_engine has no 'mak'"),
        ("my_engine:number", "it returned 5, which has no `capabilities`"),
        ("my_engine:fails", "KeyError: 'model' ("),
        ("my_broken:make", "my_broken.py:1)"),
    ],
)
def test_an_engine_that_cannot_be_made(folder: Path, engine: str, why: str) -> None:
    with pytest.raises(EngineError) as caught:
        make_asr(load(folder, f'[asr]\nengine = "{engine}"\n'))
    assert why in caught.value.why


def test_a_bot_that_cannot_be_loaded(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        route_dialog(load(folder, '[[routes]]\nnumber = "1"\nbot = "my_broken:order"\n'), 0)
    assert "NameError: name 'undefined' is not defined (" in caught.value.problems[0].why
