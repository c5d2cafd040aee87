"""What may answer the phone."""

from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from offhook.api.agent import Outcome, as_agent
from offhook.api.bot import Bot
from offhook.api.call import Call
from offhook.settings.config import Config


async def hello(call: Call, name: str = "") -> None:
    """Says nothing."""


class Model:
    async def run(self, call: Call) -> Outcome:
        return Outcome("done")


class Callable:
    async def __call__(self, call: Call) -> None: ...


async def nobody() -> None: ...


async def two(call: Call, name: str) -> None: ...


async def named(*, call: Call) -> None: ...


class WithoutCall:
    async def run(self) -> Outcome:
        return Outcome()


class NoCoroutine:
    def run(self, call: Call) -> None: ...


@pytest.mark.parametrize("talks", [hello, partial(hello, name="x"), Model(), Callable()])
def test_a_coroutine_function_or_an_agent_may(talks: Any) -> None:
    bot = Bot()
    assert bot.answer(talks) is talks
    with pytest.raises(ValueError, match="one dialog"):
        bot.answer(talks)


@pytest.mark.parametrize(
    ("talks", "why"),
    [
        (lambda call: None, "not a coroutine function"),
        (NoCoroutine(), "run is not a coroutine function: write `async def run"),
        (Model, r"Model is a class: pass an agent made of it, as in bot.answer\(Model\(\)\)"),
        (nobody, "nobody must take one argument, the call .*: write `async def nobody"),
        (two, "two must take one argument, the call .missing a required argument: 'name'"),
        (named, "named must take one argument"),
        (partial(two, name="x", call=cast(Call, None)), "two must take one argument"),
        (WithoutCall(), "run must take one argument, the call"),
        (print, "print is not a coroutine function"),
    ],
)
def test_what_is_neither_is_refused_at_once(talks: Any, why: str) -> None:
    with pytest.raises(TypeError, match=why):
        Bot().answer(talks)


async def test_an_agent_stays_one_behind_the_bot() -> None:
    bot, model = Bot(), Model()
    bot.answer(model)
    assert bot._dialog is not None
    assert await as_agent(bot._dialog).run(None) == Outcome("done")  # type: ignore[arg-type]


def test_its_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, status in ((["--help"], 0), (["--port", "5060"], 2), (["serve"], 2)):
        with pytest.raises(SystemExit) as ended:
            Bot().run(arguments)
        assert ended.value.code == status
    written = capsys.readouterr()
    assert "--config FILE" in written.out
    assert "unrecognized arguments: --port 5060" in written.err


def test_the_settings_of_its_command_line_replace_the_programs_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.toml").write_text("[sip]\nport = 5061\n")
    bot = Bot(tmp_path / "one.toml")
    bot.answer(hello)
    assert bot.config.sip.port == 5061
    with pytest.raises(SystemExit) as ended:
        bot.run(["--config", str(tmp_path / "two.toml")])
    assert ended.value.code == 2
    assert "two.toml" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        Bot(Config()).run(["--config", "two.toml"])
    assert "this program makes its settings by itself" in capsys.readouterr().err
