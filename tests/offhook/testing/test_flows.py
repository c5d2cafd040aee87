"""The coverage of a flow without a phone."""

from pathlib import Path

from offhook.qa.coverage.walked import Edge
from offhook.testing import SimulatedCall, flow, flow_coverage, run

FLOW = """
name: shop
start: menu
no_input: {attempts: 2, then: bye}
no_match: {attempts: 1, then: bye}
steps:
  menu:
    ask: Opening hours, or our address?
    choices:
      hours: {phrases: [opening hours], key: 1, next: hours}
      place: {phrases: [address], key: 2, next: place}
  hours: {say: We are open from nine to five., next: bye}
  place: {say: You find us in Main Street., next: bye}
  bye: {hang_up: Goodbye.}
"""


def test_what_simulated_calls_have_walked(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW)

    async def silent_call() -> SimulatedCall:
        async with SimulatedCall(flow(path)) as caller:
            await caller.over.wait()
        return caller

    async def call(said: str) -> SimulatedCall:
        async with SimulatedCall(flow(path)) as caller:
            await caller.hears("our address?")
            await caller.says(said)
            await caller.over.wait()
        return caller

    async def calls(*said: str) -> list[SimulatedCall]:
        return [await silent_call(), *[await call(each) for each in said]]

    found = flow_coverage(path, run(calls("opening hours", "a pizza")))
    assert found.missing == ("place", Edge("menu", "choices.place", "place"), Edge("place", "next", "bye"))
    assert found.steps == {"menu": 4, "hours": 1, "place": 0, "bye": 3}
    assert not flow_coverage(path, run(calls("opening hours", "a pizza", "address"))).missing
