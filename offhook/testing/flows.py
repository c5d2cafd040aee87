"""Flows in simulated calls."""

from collections.abc import Iterable
from pathlib import Path

from offhook.api.call import Dialog
from offhook.api.flow_dialog import flow_dialog
from offhook.pipeline.trace import DialogState
from offhook.qa.coverage.walked import Coverage, Entered, coverage_of
from offhook.settings.flow_file import load_flow
from offhook.testing.simulated_call import SimulatedCall


def flow(path: str | Path) -> Dialog:
    """The dialog of a flow's file, for SimulatedCall. Raises UserError with all mistakes in it."""
    return flow_dialog(load_flow(Path(path)))


def flow_coverage(path: str | Path, calls: Iterable[SimulatedCall]) -> Coverage:
    """What these calls have walked of a flow's file: `missing` has the rest. Raises UserError."""
    walks = [[Entered(each.name, each.by) for each in call.events if isinstance(each, DialogState)] for call in calls]
    return coverage_of(load_flow(Path(path)), walks)
