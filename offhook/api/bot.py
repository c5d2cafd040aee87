"""A bot in Python: a coroutine function that is called for every call."""

from pathlib import Path

from offhook.api.call import Dialog
from offhook.carriers.outbound import Outcome, number_of, place_call
from offhook.process.event_loop import run_loop
from offhook.process.serve import serve
from offhook.settings.config import Config


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

    def answer(self, dialog: Dialog) -> Dialog:
        """Decorate the coroutine function that talks to every caller. ValueError for a second one."""
        if self._dialog is not None:
            raise ValueError("a bot has one dialog: what answers the phone")
        self._dialog = dialog
        return dialog

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
