"""The language models: those of `[llm]`, and those of agents' files."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from offhook.agents.agent_file import AgentFile, SpeechFile, load_agent
from offhook.cli.checks.finding import Finding, noting
from offhook.llm.chain import ChainModel
from offhook.llm.listed import doubtful
from offhook.llm.registry import make_chain
from offhook.pipeline.dialog.steps.agent import AgentStep
from offhook.pipeline.errors import EngineError
from offhook.settings.config import Config
from offhook.settings.flow_file import parse_flow
from offhook.settings.yaml_file import MAX_FILE_BYTES, read_limited
from offhook.usererror import Problem, UserError
from offhook.vendors.errors import VendorRefusedError

AREA = "llm"
WITHIN_S = 5.0

_HINT = "the network and `base_url`, or wait until it is back"


async def check(config: Config) -> list[Finding]:
    """Make the models, reach them, try their keys. A model that is away is a warning: it may be back for a call, and
    others may stand in for it."""
    found: list[Finding] = []
    for name in config.llm.options:
        if name not in config.llm.chain:
            what, why = f"`[llm.{name}]` is not used", "`llm.engine` does not name it"
            found.append(
                Finding.warning(AREA, what, why, f'engine = "{name}" below [llm], or an agent with that model')
            )
    if config.llm.options:
        with noting(found, AREA):
            found += await _reached(make_chain(config.llm), AREA)
    for findings in await asyncio.gather(*(_of_file(path, config) for path in _files(config))):
        found += findings
    return found


def _files(config: Config) -> list[Path]:
    """The agents' files, those of flows' steps, too; what cannot be read is reported with the dialogs."""
    flows = [route.flow for route in config.routes if route.flow is not None]
    flows += [config.dialog.flow] if config.dialog.flow is not None and config.dialog.agent is None else []
    paths = [config.dialog.agent, *(route.agent_file for route in config.routes)]
    paths += [path for flow in flows for path in _of_flow(flow)]
    return list(dict.fromkeys(path for path in paths if path is not None))


def _of_flow(path: Path) -> Iterator[Path]:
    with suppress(UserError):
        flow = parse_flow(read_limited(path, MAX_FILE_BYTES, "flow"), str(path))
        yield from (Path(step.file) for step in flow.steps.values() if isinstance(step, AgentStep))


async def _of_file(path: Path, config: Config) -> list[Finding]:
    try:
        file = load_agent(path)
    except UserError:
        return []  # reported with the dialogs
    found: list[Finding] = []
    with noting(found, "agent"):
        if isinstance(file, SpeechFile):
            return await _speech_reached(file, path)
        if file.names_model:
            found += await _reached(file.own_model(), "agent", f"{path}: ")
        elif config.llm.options:
            await _check_prices(file, config)
    return found


async def _check_prices(file: AgentFile, config: Config) -> None:
    """Raises UserError if it limits its cost, and the models of `[llm]` have no prices."""
    chain = make_chain(config.llm)
    try:
        file.make(chain).check_prices(chain)
    finally:
        await chain.close()


async def _speech_reached(file: SpeechFile, path: Path) -> list[Finding]:
    agent = file.make()
    what = f"{path}: {agent.name}"
    try:
        async with asyncio.timeout(WITHIN_S):
            await agent.probe()
    except TimeoutError:
        return [_away(what, "agent", f"it did not answer within {WITHIN_S:g} s")]
    except EngineError as error:
        if isinstance(error, VendorRefusedError):
            raise UserError(f"{what} cannot be used", error.why, "another key, model or address") from error
        return [_away(what, "agent", error.why)]
    return [Finding.ok("agent", f"{what} answers")]


async def _reached(chain: ChainModel, area: str, whose: str = "") -> list[Finding]:
    """What comes of a request to each. Raises UserError for what will never work."""
    try:
        async with asyncio.timeout(WITHIN_S):
            await chain.start()
    except TimeoutError:
        return [_away(f"{whose}{chain.name}", area, f"it did not answer within {WITHIN_S:g} s")]
    except UserError as error:
        raise UserError.of([_of(problem, whose) for problem in error.problems]) from error
    finally:
        await chain.close()
    found, doubts = [], dict(doubtful(chain))
    for member in chain.members:
        what = f"{whose}{member.model.name}"
        if member.problem is not None:
            found.append(_away(what, area, member.problem.why))
            continue
        found.append(Finding.ok(area, f"{what} answers"))
        if (why := doubts.get(member.model.name)) is not None:
            found.append(Finding.warning(area, f"{what} may not be there", why, "`model` as the server calls it"))
    return found


def _of(problem: Problem, whose: str) -> Problem:
    return Problem(f"{whose}{problem.what}", problem.why, problem.todo, problem.where)


def _away(what: str, area: str, why: str) -> Finding:
    return Finding.warning(area, f"{what} is away", why, _HINT)
