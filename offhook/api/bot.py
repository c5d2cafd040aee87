"""A bot in Python: a coroutine function that is called for every call."""

import inspect
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from offhook.api.agent import Agent, AgentDialog
from offhook.api.call import Dialog
from offhook.carriers.outbound import Outcome, number_of, place_call
from offhook.process.event_loop import run_loop
from offhook.process.serve import serve
from offhook.settings.config import Config

_Talks = TypeVar("_Talks", bound=Dialog | Agent)


class Bot:
    """Answers the phone with one dialog.

    ```python
    bot = Bot()

    @bot.answer
    async def hello(call: Call) -> None:
        await call.say("Hello.")

    bot.run()
    ```
    """

    def __init__(self, config: Config | Path | str | None = None) -> None:
        self.config = config if isinstance(config, Config) else Config.load(Path(config) if config else None)
        self._dialog: Dialog | None = None

    def answer(self, talks: _Talks) -> _Talks:
        """Decorate the coroutine function that talks to every caller; or pass an Agent.

        ValueError for a second one, TypeError for what is neither.
        """
        if self._dialog is not None:
            raise ValueError("a bot has one dialog: what answers the phone")
        self._dialog = _dialog_of(talks)
        return talks

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT. Returns the exit status. Raises UserError, EngineError."""
        return serve(self.config, self._talks())

    def dial(self, address: str, *, detect_machine: bool = False) -> Outcome:
        """Call `twilio:+15551234567`, talk, and return what became of it. Raises UserError, EngineError.

        It is the one call of this process; Twilio's requests have to arrive at `http`, by way of `twilio.public_url`.
        """
        number, dialog, outcomes = number_of(address), self._talks(), list[Outcome]()

        async def place() -> int:
            outcomes.append(await place_call(self.config, dialog, number, detect_machine=detect_machine))
            return 0

        run_loop(place())
        return outcomes[0]

    def _talks(self) -> Dialog:
        if self._dialog is None:
            raise ValueError("nothing answers the phone: decorate a coroutine function with @bot.answer")
        return self._dialog


def _dialog_of(talks: Dialog | Agent) -> Dialog:
    if isinstance(talks, type):
        raise TypeError(f"{talks.__name__} is a class: pass an agent made of it, as in bot.answer({talks.__name__}())")
    if isinstance(talks, Agent):
        _check_coroutine_function(talks.run)
        return AgentDialog(talks)
    _check_coroutine_function(talks)
    return talks


def _check_coroutine_function(function: Any) -> None:
    while isinstance(function, partial):
        function = function.func
    called = getattr(type(function), "__call__", None)  # noqa: B004  # an object may be called as one, too
    if not (inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"{name} is not a coroutine function: write `async def {name}(…)`")
