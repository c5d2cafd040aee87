"""The call of a sample flow: one of its tests, played over SIP and RTP by a caller who presses keys."""

import asyncio
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from offhook.api.flow_dialog import FlowAgent, FlowDialog
from offhook.cli.demo import Minutes, Play, demo
from offhook.flow_tools.case import Case
from offhook.flow_tools.case_file import SUFFIX, load_cases
from offhook.flow_tools.no_secrets import NoSecrets
from offhook.flow_tools.offline import offline
from offhook.flow_tools.play import Clock, Servers
from offhook.pipeline.trace import BotSpoke, SessionEvent
from offhook.settings.config import Config
from offhook.settings.flow_file import load_flow
from offhook.testing.sip_caller import Caller, CallFailedError
from offhook.usererror import UserError, did_you_mean

HEARS_WITHIN_S = 60.0
"""Of real time: the prompts before go by meanwhile."""

_FOLDER = Path(str(files("offhook").joinpath("assets", "flows")))


def samples() -> dict[str, str]:
    """The sample flows by name, with what the comment at the top of each says."""
    paths = sorted(path for path in _FOLDER.glob("*.yaml") if not path.name.endswith(SUFFIX))
    return {path.stem: _comment(path) for path in paths}


def _comment(path: Path) -> str:
    lines = path.read_text("utf-8").splitlines()
    above = lines[: next(at for at, line in enumerate(lines) if not line.startswith("#"))]
    return " ".join(line.removeprefix("#").strip() for line in above).removesuffix(
        " docs/flows.md explains the format."
    )


async def sample_demo(config: Config, name: str, *, stay: bool, as_json: bool) -> int:
    """Run it. Returns the exit status. Raises UserError where there is no such sample."""
    if name not in samples():
        known = list(samples())
        raise UserError(
            f"there is no sample flow `{name[:40]}`", f"there are {', '.join(known)}", _hint(name), "--flow"
        )
    case = keyed_case(name)
    flow = offline(load_flow(_FOLDER / f"{name}.yaml", environ=NoSecrets()))
    now = None if case.now is None else Clock(case.now)
    servers = Servers(case.replies, case.functions)
    agent = FlowAgent(flow, None, servers.send, now, asks_models=False, call_function=servers.call_function)
    heard = _Heard()
    user = case.caller.removeprefix("sip:").partition("@")[0]
    play = Play(
        FlowDialog(agent), lambda caller: _talk(caller, case, heard), _check, on_event=heard.on_event, caller=user
    )
    return await demo(config, stay=stay, as_json=as_json, play=play)


def _hint(name: str) -> str:
    return f"{did_you_mean(name, list(samples()))}; `offhook demo --flows` lists them"


def keyed_case(name: str) -> Case:
    """The first test of a sample in which the caller presses keys and says nothing, nobody else takes the call, and no
    queue, switch or refused secret is needed: the demo has none."""
    cases = load_cases(_FOLDER / f"{name}{SUFFIX}").cases
    return next(case for case in cases if _is_keyed(case))


def _is_keyed(case: Case) -> bool:
    does = {move.does for move in case.talk}
    by_keys = "presses" in does and not does & {"says", "begins_to_hear", "sets"}
    stays = case.expected.ends != "transferred" and case.expected.transferred_to is None
    needs_more = case.queue_ends or case.transfer_ends or case.switches or not case.secrets
    return by_keys and stays and not needs_more


class _Heard:
    """What the bot has said since the caller listened last."""

    def __init__(self) -> None:
        self._said: list[str] = []
        self._more = asyncio.Event()

    def on_event(self, _call_id: str, event: SessionEvent) -> None:
        """Listen to the bot."""
        if isinstance(event, BotSpoke):
            self._said.append(event.text)
            self._more.set()

    async def hears(self, text: str) -> None:
        """Wait for a text that has this one in it; those before are over then. Raises TimeoutError."""
        async with asyncio.timeout(HEARS_WITHIN_S):
            while True:
                while self._said:
                    if text.lower() in self._said.pop(0).lower():
                        return
                self._more.clear()
                await self._more.wait()


async def _talk(caller: Caller, case: Case, heard: _Heard) -> None:
    for at, move in enumerate(case.talk):
        match move.does:
            case "hears":
                try:
                    await heard.hears(move.what)
                except TimeoutError:
                    raise CallFailedError(f"the bot did not say {move.what!r}") from None
                if at + 1 < len(case.talk) and case.talk[at + 1].does == "presses":
                    await caller.listen()
            case "presses":
                caller.press(move.what)
            case "waits":
                await asyncio.sleep(float(move.what))
            case "hangs_up":
                return
    with suppress(CallFailedError):  # since the bot hangs up
        await caller.listen()


def _check(minutes: Minutes) -> str | None:
    """The talk has heard everything."""
    return None if minutes.answers else "no key was noticed"
