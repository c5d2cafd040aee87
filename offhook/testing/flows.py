"""Flows in simulated calls."""

from pathlib import Path

from offhook.api.call import Dialog
from offhook.api.flow_dialog import flow_dialog
from offhook.settings.flow_file import load_flow


def flow(path: str | Path) -> Dialog:
    """The dialog of a flow's file, for SimulatedCall. Raises UserError with all mistakes in it."""
    return flow_dialog(load_flow(Path(path)))
