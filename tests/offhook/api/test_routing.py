"""Which dialog answers: `[[routes]]`, `@bot.answer(number=...)`, and what is refused before the first call."""

import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from offhook.api.agent import as_agent
from offhook.api.bot import Bot
from offhook.api.call import Call, Dialog
from offhook.api.early_media import speaks_early
from offhook.api.routing import with_routes
from offhook.pipeline.errors import EngineError
from offhook.settings.config import Config, RouteConfig
from offhook.usererror import UserError


def call(called: str) -> Call:
    """A call to that address, without a caller."""
    session: Any = SimpleNamespace(silence=SimpleNamespace(covers_dialog=True))
    return Call(session, call_id="", caller="", called=called)


def answering(name: str, got: list[str]) -> Dialog:
    async def dialog(call: Call) -> None:
        got.append(name)

    return dialog


async def test_a_bot_answers_by_number() -> None:
    got: list[str] = []
    bot = Bot(Config())
    bot.answer(number="+15551234567")(answering("sales", got))
    bot.answer(number=("1??", "+49*"))(answering("support", got))
    bot.answer(answering("others", got))
    for called in ("sip:+15551234567@bot", "sip:123@bot", "sip:+49-30-1@bot;x=y", "sip:1234@bot", "+15551234567"):
        await bot.dialog(call(called))
    assert got == ["sales", "support", "support", "others", "sales"]


def test_who_speaks_before_the_answer() -> None:
    """As the call is routed, which is decided before it is answered."""
    got: list[str] = []
    bot = Bot(Config())
    bot.answer(number="1??", early_media=True)(answering("queue", got))
    bot.answer(answering("others", got))
    agent = as_agent(bot.dialog)
    assert speaks_early(agent, "sip:123@bot", "")
    assert not speaks_early(agent, "sip:1234@bot", "")
    early = Bot(Config())
    early.answer(early_media=True)(answering("all", got))
    assert speaks_early(early.dialog, "sip:1@bot", "office")
    assert not speaks_early(answering("plain", got), "sip:1@bot", "")


async def test_an_early_dialog_runs_as_any_other() -> None:
    got: list[str] = []
    bot = Bot(Config())
    bot.answer(early_media=True)(answering("all", got))
    await bot.dialog(call("sip:1@bot"))
    assert got == ["all"]


async def test_the_configurations_routes_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shop_of_this_test.py").write_text(
        "from offhook import Bot\nGOT = []\nbot = Bot()\n"
        "@bot.answer\nasync def sales(call): GOT.append('sales')\n"
        "@bot.answer(number='200')\nasync def two(call): GOT.append('two')\n"
    )
    got: list[str] = []
    routes = (
        RouteConfig(number=("100",), bot="shop_of_this_test:sales"),
        RouteConfig(number=("2*",), bot="shop_of_this_test:bot"),
    )
    dialog = with_routes(Config(routes=routes), answering("default", got))
    for called in ("sip:100@x", "sip:200@x", "sip:201@x", "sip:300@x"):
        await dialog(call(called))
    assert sys.modules["shop_of_this_test"].GOT == ["sales", "two", "sales"]
    assert got == ["default"]


async def test_an_agent_of_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("bench", "offhook.api.dialogs:bench_dialog", "offhook.agents")
    monkeypatch.setattr("offhook.api.routing.entry_points", lambda group: EntryPoints((point,)))
    config = Config(routes=(RouteConfig(number=("1",), agent="bench"),))
    with_routes(config, answering("x", []))
    with pytest.raises(UserError, match="did you mean `bench`"):
        with_routes(Config(routes=(RouteConfig(number=("1",), agent="bnech"),)), answering("x", []))


def test_a_flow_of_a_route_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("name: a\nstart: b\nsteps:\n  b:\n    hnag_up: Bye.\n")
    with pytest.raises(UserError, match=r"flow\.yaml:5"):
        with_routes(Config(routes=(RouteConfig(number=("1",), flow=path),)), answering("x", []))


@pytest.mark.parametrize(
    ("target", "why", "todo"),
    [
        ("no_such_module_here:x", "no module 'no_such_module_here'", "no_such_module_here.py beside the"),
        ("offhook.api.dialogs:bench_dialgo", "has no `bench_dialgo`", "did you mean `bench_dialog`?"),
        ("offhook.api.flow_dialog:flow_dialog", "not a coroutine function", "async def"),
    ],
)
def test_a_bot_that_cannot_answer(target: str, why: str, todo: str) -> None:
    with pytest.raises(UserError) as caught:
        with_routes(Config(routes=(RouteConfig(number=("1",), bot=target),)), answering("x", []))
    (problem,) = caught.value.problems
    assert why in problem.why
    assert todo in problem.todo
    assert problem.where == "[[routes]] 1, number 1"


def test_what_is_no_coroutine_function_is_refused_at_once() -> None:
    bot = Bot(Config())

    def hello(call: Call) -> None:
        pass

    with pytest.raises(TypeError, match=r"write `async def hello\(call\)`"):
        bot.answer(hello)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="async def"):
        bot.answer(number="1")(hello)  # type: ignore[type-var]


def test_an_object_may_answer() -> None:
    class Agent:
        async def __call__(self, call: Call) -> None:
            pass

    assert Bot(Config()).answer(Agent()) is not None
    with pytest.raises(TypeError, match="Agent is a class"):
        Bot(Config()).answer(Agent)  # type: ignore[type-var]


def test_one_dialog_without_a_number() -> None:
    bot = Bot(Config())
    with pytest.raises(ValueError, match="nothing answers the phone"):
        _ = bot.dialog
    bot.answer(number="1")(answering("a", []))
    with pytest.raises(ValueError, match="nothing answers who dials another number"):
        _ = bot.dialog
    bot.answer(answering("b", []))
    with pytest.raises(ValueError, match="one dialog for all numbers"):
        bot.answer(answering("c", []))


def test_mistakes_are_printed_and_end_the_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "offhook.toml"
    path.write_text("[sip]\nprot = 1\n")
    bot = Bot(path)
    bot.answer(answering("x", []))
    with pytest.raises(SystemExit) as leaving:
        bot.run([])
    assert leaving.value.code == 2
    assert capsys.readouterr().err.startswith(f"{path}:2: there is no key `prot`")


def test_an_engine_that_fails_is_printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise EngineError("espeak", "starting", "no library", "Type: pip install x")

    monkeypatch.setattr("offhook.api.bot.serve", broken)
    bot = Bot(Config())
    bot.answer(answering("x", []))
    with pytest.raises(SystemExit) as leaving:
        bot.run([])
    assert leaving.value.code == 1
    assert capsys.readouterr().err == "espeak: starting: no library. Type: pip install x\n"
