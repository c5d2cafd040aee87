"""How an agent ends: it hands the call back, hangs up, or connects the caller to somebody else."""

from collections.abc import Callable

from offhook.agents.policy import HandBack, HangUp, Transfer
from offhook.agents.reply import Ending
from offhook.agents.speech import AgentSpeech
from offhook.agents.tool_runs import ToolRuns
from offhook.agents.wording import AgentWording
from offhook.api.agent import AGENT_HUNG_UP, Outcome
from offhook.api.call import Call
from offhook.usererror import UserError


class Endings:
    """Carries out what ends one call. `masked` hides keyed digits in a text."""

    def __init__(
        self, call: Call, speech: AgentSpeech, runs: ToolRuns, wording: AgentWording, masked: Callable[[str], str]
    ) -> None:
        self._call = call
        self._speech = speech
        self._runs = runs
        self._wording = wording
        self._masked = masked

    async def carry_out(self, ending: Ending, *, has_spoken: bool) -> Outcome | None:
        """End the agent, once everything said has been heard; `has_spoken`: its reply had words of its own. None: the
        caller is with the model again, which knows why. Raises CallEnded."""
        if ending.call is not None and isinstance(ending.action, HandBack | HangUp):
            self._runs.done(ending.reply, ending.call, "done")
        match ending.action:
            case HandBack(outcome, values):
                return Outcome(f"handed back: {outcome}", outcome, values)
            case HangUp(reason):
                if not has_spoken:
                    await self.say_last(self._wording.goodbye)
                return Outcome(f"{AGENT_HUNG_UP}: {self._masked(reason)}" if reason else AGENT_HUNG_UP)
            case Transfer(name, number):
                return await self._transfer(ending, name, number, announced=has_spoken and ending.call is not None)
        raise ValueError(f"{ending.action} ends nothing")

    async def say_last(self, text: str) -> None:
        """Say a sentence, and wait until it was heard."""
        await self._speech.say(text)
        await self._speech.over()

    async def _transfer(self, ending: Ending, name: str, number: str, *, announced: bool) -> Outcome | None:
        if not announced:
            await self._speech.say(self._wording.transferring)
        await self._speech.over()
        if ending.call is not None:
            self._runs.leaves(ending.reply, ending.call)
        try:
            result = await self._call.transfer(number)
        except UserError as error:
            if ending.call is None:
                await self.say_last(self._wording.giving_up)
                return Outcome("the model failed, and the call could not be transferred")
            problem = error.problems[0]
            self._runs.refuse(ending.reply, ending.call, f"{problem.what}: {problem.why}")
            return None
        if ending.call is not None and result.returned:
            self._runs.done(ending.reply, ending.call, "they have talked and hung up; the caller is back")
            return None
        if ending.call is not None:
            self._runs.done(ending.reply, ending.call, "transferred")
        return Outcome(f"transferred to {name}")
