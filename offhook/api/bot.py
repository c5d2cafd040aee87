"""A bot in Python: a coroutine function that runs for every call."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar, overload

from offhook.api.agent import CallAgent, as_agent, dialog_of
from offhook.api.agent_lifespan import with_agents
from offhook.api.call import Dialog
from offhook.api.early_media import EarlyDialog
from offhook.api.routing import Route, routed, with_routes
from offhook.carriers.call_out import CallOut
from offhook.carriers.outbound import RING_S, number_of, place_call
from offhook.carriers.placed_call import CallOutcome
from offhook.carriers.sip_outbound import place_sip_call
from offhook.engines.engine_set import EngineSet
from offhook.engines.registry import GivenEngines
from offhook.pipeline.asr.engine import AsrEngine
from offhook.pipeline.errors import EngineError
from offhook.pipeline.tts.engine import TtsEngine
from offhook.pipeline.vad.engine import VadEngine
from offhook.process.event_loop import run_loop
from offhook.process.lifespan import Lifespan, LifespanFunction, as_lifespan
from offhook.process.serve import serve
from offhook.settings.config import Config
from offhook.usererror import UserError

FAILURE, USAGE = 1, 2
"""The exit status when an engine fails, and when the settings cannot be used."""

_Talks = TypeVar("_Talks", bound=Dialog | CallAgent)


class Bot:
    """Answers the phone with one dialog, or with several by the number that was dialled.

    ```python
    bot = Bot()

    @bot.answer
    async def hello(call: Call) -> None:
        await call.say("Hello.")

    if __name__ == "__main__":
        bot.run()
    ```

    `config`: settings, or the file to read them from; by default those of the environment. `vad`, `asr` and `tts` are
    engines to use instead of the configured ones: each worker process starts and closes its own copy, so they must
    not open anything before their `start`.
    """

    def __init__(
        self,
        config: Config | Path | str | None = None,
        *,
        vad: VadEngine | None = None,
        asr: AsrEngine | None = None,
        tts: TtsEngine | None = None,
    ) -> None:
        self._given = config
        self._engines = GivenEngines(vad, asr, tts)
        self._dialog: Dialog | None = None
        self._numbered: list[Route] = []
        self._lifespan: Lifespan | None = None

    @cached_property
    def config(self) -> Config:
        """The settings, read on first use. Raises UserError."""
        given = self._given
        return given if isinstance(given, Config) else Config.load(Path(given) if given else None)

    @overload
    def answer(self, talks: _Talks, /) -> _Talks: ...

    @overload
    def answer(
        self, /, *, number: str | tuple[str, ...] = (), early_media: bool = False
    ) -> Callable[[_Talks], _Talks]: ...

    def answer(
        self, talks: _Talks | None = None, /, *, number: str | tuple[str, ...] = (), early_media: bool = False
    ) -> _Talks | Callable[[_Talks], _Talks]:
        """Decorate the coroutine function that talks to every caller, or with `number` to those who dialled it.

        A CallAgent may be passed in its place.

        `number` is one pattern or several, as in `[[routes]]`: `+15551234567`, `+1555*`, `1??`. The first match
        answers; configured routes are tried before these. With `early_media` the dialog begins before a SIP call is
        answered: what it says is early media, `await call.answer()` answers, and a call that never is gets refused.
        TypeError for anything but an agent or an `async def`; ValueError for a second one without a number.
        """
        patterns = (number,) if isinstance(number, str) else tuple(number)

        def decorate(talks: _Talks) -> _Talks:
            dialog = dialog_of(talks)
            if early_media:
                dialog = EarlyDialog(as_agent(dialog))
            if patterns:
                self._numbered.append(Route(patterns, dialog))
            elif self._dialog is not None:
                raise ValueError("a bot has one dialog for all numbers: give the others a number, or remove one")
            else:
                self._dialog = dialog
            return talks

        return decorate if talks is None else decorate(talks)

    @property
    def dialog(self) -> Dialog:
        """The dialog for all calls, routed by number. ValueError without one for numbers that match nothing."""
        if self._dialog is None:
            who = "who dials another number" if self._numbered else "the phone"
            raise ValueError(f"nothing answers {who}: decorate a coroutine function with @bot.answer")
        return routed(self._numbered, self._dialog)

    def lifespan(self, function: LifespanFunction) -> LifespanFunction:
        """Decorate an async generator function (or one that returns an async context manager) that opens what the
        dialogs need before its `yield` and closes it after.

        Several processes carry calls. It runs in each of them, before the first call and after the last, on the
        dialogs' event loop: connection pools and clients do not survive a fork. ValueError for a second one.
        """
        if self._lifespan is not None:
            raise ValueError("a bot has one lifespan: open everything in it")
        self._lifespan = as_lifespan(function)
        return function

    def run(self, arguments: Sequence[str] | None = None) -> int:
        """Serve until SIGTERM or SIGINT. Returns the exit status.

        `arguments` are those of the command line (None: the program's): `--config FILE`, `--help`; a program with
        arguments of its own passes `[]`. Others end the program (SystemExit) with a message, and so do wrong settings
        or an engine that does not start, with the same status as `offhook serve`.
        """
        self._read(sys.argv[1:] if arguments is None else arguments)
        try:
            dialog = with_routes(self.config, self.dialog, self._engines)
            return serve(self.config, dialog, with_agents(dialog, self.config, self._lifespan), self._make_engines)
        except UserError as error:
            print(error.render(), file=sys.stderr)  # noqa: T201
            sys.exit(USAGE)
        except EngineError as error:
            print(error, file=sys.stderr)  # noqa: T201
            sys.exit(FAILURE)

    def dial(  # each is one property of a call
        self,
        address: str,
        *,
        trunk: str | None = None,
        caller: str | None = None,
        variables: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        ring_s: int | None = None,
        detect_machine: bool = False,
    ) -> CallOutcome:
        """Call, talk, and return the outcome, answered or not. Raises UserError, EngineError.

        `address` is a number (`+15551234567`, `tel:+1-555-123-4567`, `100`), which needs a trunk of the settings
        (`trunk`, or the only one there is), `sip:USER@HOST`, or `twilio:+15551234567`. This process carries only that
        call. `caller` is the number that the call shows, `variables` is what the dialog gets (`call.variables`),
        `headers` are further fields of the INVITE, `ring_s` is how long it rings. Over Twilio, whose requests must
        reach `http` through `twilio.public_url`, `detect_machine` has Twilio find out who answers; the others are for
        SIP.
        """
        number, dialog, outcomes = number_of(address), self.dialog, list[CallOutcome]()
        lifespan = with_agents(dialog, self.config, self._lifespan)
        wanted = CallOut(address, caller, trunk, variables=variables or {}, headers=headers or {}, ring_s=ring_s)

        async def place() -> int:
            outcomes.append(
                await place_sip_call(self.config, dialog, wanted, lifespan=lifespan, engines=self._make_engines)
                if number is None
                else await place_call(
                    self.config,
                    dialog,
                    number,
                    detect_machine=detect_machine,
                    ring_s=ring_s or RING_S,
                    lifespan=lifespan,
                    engines=self._make_engines,
                )
            )
            return 0

        run_loop(place())
        return outcomes[0]

    def _read(self, arguments: Sequence[str]) -> None:
        parser = ArgumentParser(
            description="Answers the phone until SIGTERM or Ctrl-C.",
            epilog="Settings come from the file, and from OFFHOOK_… in the environment. `offhook config` shows them, "
            "`offhook check` tries them.",
            allow_abbrev=False,
        )
        parser.add_argument("--config", type=Path, metavar="FILE", help="the settings, in place of the program's own")
        given = parser.parse_args(arguments).config
        if given is not None and isinstance(self._given, Config):
            parser.error("--config: this program makes its settings by itself")
        if given is not None:
            self._given = given
            self.__dict__.pop("config", None)  # the others may have been read already

    def _make_engines(self, config: Config) -> EngineSet:
        return EngineSet(config, self._engines)
