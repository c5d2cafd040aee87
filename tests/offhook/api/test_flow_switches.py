"""The switches of the flows of a bot, and what a call makes of them."""

import pytest

from offhook.api.dialogs import bench_dialog
from offhook.api.flow_dialog import FlowDialog, flow_dialog
from offhook.api.flow_switches import switches_of
from offhook.api.routing import Route, routed
from offhook.settings.flow_file import parse_flow
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import run
from offhook.usererror import UserError

FLOW = """
name: shop
start: menu
switches: {{emergency: {{means: Closed at once., default: {default}}}}}
no_input: {{then: closed}}
no_match: {{then: closed}}
steps:
  menu: {{ask: "Shall I look?", choices: {{"yes": {{phrases: ["yes"], key: 1, next: look}}}}}}
  look: {{if: switches.emergency, then: closed, else: menu}}
  closed: {{hang_up: We are closed.}}
"""


def shop(default: str = "off") -> FlowDialog:
    return flow_dialog(parse_flow(FLOW.format(default=default).encode(), "f.yaml"))


def test_switches_of_all_flows_are_found() -> None:
    assert list(switches_of(routed([Route(("1",), shop())], bench_dialog))) == ["emergency"]
    assert list(switches_of(routed([Route(("1",), bench_dialog)], shop()))) == ["emergency"]
    assert switches_of(bench_dialog) == {}


def test_flows_that_disagree_about_a_switch() -> None:
    with pytest.raises(UserError, match="`emergency` differs"):
        switches_of(routed([Route(("1",), shop())], shop("on")))


def test_a_call_in_progress_takes_a_switch_at_its_next_step() -> None:
    positions: dict[str, str] = {}

    async def conversation() -> None:
        async with SimulatedCall(shop(), switches=positions) as caller:
            await caller.hears("Shall I look?")
            await caller.presses("1")
            await caller.hears("Shall I look?")
            positions["emergency"] = "on"
            await caller.presses("1")
            await caller.hears("We are closed.")
        assert caller.call.switches == {"emergency": "on"}

    run(conversation())
