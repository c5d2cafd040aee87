"""The switches of the flows that a dialog may run."""

from collections.abc import Iterator, Mapping

from offhook.api.agent import AgentDialog, DialogAgent
from offhook.api.flow_dialog import FlowDialog
from offhook.api.routing import RoutedAgent
from offhook.pipeline.dialog.switches import Switch
from offhook.usererror import UserError


def switches_of(dialog: object) -> Mapping[str, Switch]:
    """By name. A switch that several flows have is one. Raises UserError where they say different things of it."""
    found: dict[str, Switch] = {}
    for flow in _flows(dialog):
        for name, switch in flow.switches.items():
            known = found.setdefault(name, switch)
            if (known.values, known.default) != (switch.values, switch.default):
                what = f"the switch `{name}` differs between flows"
                why = "flows that name the same switch share it, and it has one default and one list of values"
                raise UserError(what, why, "the same `values` and `default` in each, or another name", "switches")
    return found


def _flows(dialog: object) -> Iterator[FlowDialog]:
    while isinstance(dialog, AgentDialog | DialogAgent):
        dialog = dialog.agent if isinstance(dialog, AgentDialog) else dialog.dialog
    if isinstance(dialog, FlowDialog):
        yield dialog
    elif isinstance(dialog, RoutedAgent):
        for each in dialog.agents:
            yield from _flows(each)
