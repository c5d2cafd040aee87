"""The dialogs: the default flow, agent or TwiML, and each route's."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from offhook.agents.agent_file import load_agent
from offhook.api.call import Dialog
from offhook.api.flow_switches import switches_of
from offhook.api.routing import (
    agent_dialog,
    checked_flow,
    default_dialog,
    dialog_of_flow,
    route_dialog,
    twiml_dialog,
    with_routes,
)
from offhook.calls.switches import check_closed_by
from offhook.carriers.phone_numbers import require_allowed
from offhook.cli.checks.finding import Finding, noting
from offhook.cli.checks.privacy import recorded_early, unshielded
from offhook.engines.flow_check import unheard_languages
from offhook.engines.registry import NO_ENGINES
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.scopes import local
from offhook.pipeline.dialog.steps.transfer import TransferStep
from offhook.settings.config import Config
from offhook.settings.routes import RouteConfig, covered
from offhook.transfer.targets import target_of
from offhook.usererror import UserError


def check(config: Config) -> list[Finding]:
    """Load each of them."""
    found: list[Finding] = []
    if config.twiml.url is not None:
        with noting(found, "twiml"):
            twiml_dialog(config, config.twiml.url)
            found.append(Finding.ok("twiml", config.twiml.url.partition("?")[0]))
    elif config.dialog.agent is not None:
        with noting(found, "agent"):
            agent_dialog(config, config.dialog.agent)
            found.append(Finding.ok("agent", str(config.dialog.agent)))
            found += _transfers(config, config.dialog.agent)
    else:
        with noting(found, "flow"):
            flow = checked_flow(config, config.dialog.flow)
            dialog_of_flow(config, flow)
            named = config.dialog.flow or "the sample flow"
            found.append(Finding.ok("flow", f"{flow.name}: {len(flow.steps)} steps ({named})"))
            found += _of_flow(config, flow, config.dialog.flow, config.dialog.language)
    for index, route in enumerate(config.routes):
        load: Callable[[Config, int], Dialog] = route_dialog
        with noting(found, "route"):
            load(config, index)
            target = route.flow or route.bot or route.agent or route.agent_file or route.twiml
            found.append(
                Finding.ok("route", f"{_calls_of(route)} {'are' if route.trunk else 'is'} answered by {target}")
            )
            found += [] if route.agent_file is None else _transfers(config, route.agent_file)
            if route.flow is not None:
                flow = checked_flow(config, route.flow, language=route.language)
                found += _of_flow(config, flow, route.flow, route.language or config.dialog.language)
    if not any(each.fails for each in found):
        with noting(found, "switches"):
            check_closed_by(config.queues, switches_of(with_routes(config, default_dialog(config))))
    for index, pattern, earlier in covered(config.routes):
        what = f"route {index + 1} is never reached by {pattern}"
        why = f"route {earlier + 1} ({_calls_of(config.routes[earlier])}) matches all its numbers"
        found.append(Finding.warning("route", what, why, "put the narrower number first"))
    return found


def _of_flow(config: Config, flow: Flow, path: Path | None, language: str) -> list[Finding]:
    unheard = [
        Finding.warning("flow", " ".join(filter(None, (each.where, each.what))), each.why, each.todo)
        for each in unheard_languages(flow, path, config, NO_ENGINES, language)
    ]
    return [*recorded_early(config, flow), *unshielded(config, flow), *unheard, *_flow_transfers(config, flow)]


def _transfers(config: Config, path: Path) -> list[Finding]:
    """The destinations of an agent's file that calls may not be transferred to, neither over SIP nor over Twilio."""
    found = []
    for name, number in load_agent(path).options["transfer_to"].items():
        with suppress(UserError):
            target_of(number, config)
            continue
        try:
            require_allowed(number, config.twilio.transfer_allow)
        except UserError as error:
            (problem,) = error.problems
            why = f"{problem.why}, and neither does `[transfer]` for calls over SIP"
            found.append(Finding.warning("agent", f"`{name}`: {problem.what}", why, problem.todo))
    return found


def _flow_transfers(config: Config, flow: Flow) -> list[Finding]:
    """The targets of a flow, as far as they are known before the call, that calls may not be transferred to, neither
    over SIP nor over Twilio."""
    found = []
    named: dict[str, str] = {}
    for step in flow.steps.values():
        for target in step.targets if isinstance(step, TransferStep) else ():
            if "{" not in target:
                named.setdefault(target, local(step.name))
    for target, name in named.items():
        try:
            target_of(target, config)
        except UserError as error:
            with suppress(UserError):
                require_allowed(target, config.twilio.transfer_allow)
                continue
            (problem,) = error.problems
            what = f"step `{name}`: {problem.what}"
            found.append(Finding.warning("flow", what, problem.why, problem.todo))
    return found


def _calls_of(route: RouteConfig) -> str:
    numbers = ", ".join(route.number)
    return numbers if route.trunk is None else f"calls{f' to {numbers}' if numbers else ''} by the trunk {route.trunk}"
