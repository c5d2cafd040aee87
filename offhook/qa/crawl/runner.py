"""A caller whose steps are chosen as the call goes. Pure."""

from collections import deque
from collections.abc import Callable

from offhook.qa.crawl.graph import Action
from offhook.qa.script.runner import ScriptRunner
from offhook.qa.script.script import Script
from offhook.qa.script.steps import Press, Say, Speech, Step, WaitFor

Choose = Callable[[str], Action | None]
"""What to do after a turn of the far end, by its text; None: hang up."""


class ChoosingRunner(ScriptRunner):
    """Waits for a turn of the far end, does what `choose` says, and so on; each turn for `wait_s` at the most."""

    def __init__(self, script: Script, wait_s: float, choose: Choose) -> None:
        super().__init__(script)
        self._wait = WaitFor("speech", within_ms=round(1_000 * wait_s))
        self._choose = choose
        self._ahead: deque[Step] = deque((self._wait,))
        self.acted_s = 0.0
        """When the last action began."""

    def _step_at(self, number: int) -> Step | None:
        if not self._ahead:
            heard = next(each for each in self._spoke if each.turn == self._taken - 1)
            action = self._choose(heard.text or "")
            if action is None:
                return None
            self.acted_s = self._now
            if action.kind == "press":
                self._ahead.append(Press(action.what))
            elif action.kind == "say":
                self._ahead.append(Say(Speech(action.what)))
            self._ahead.append(self._wait)
        return self._ahead.popleft()
