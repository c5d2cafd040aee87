"""`offhook serve`: answers calls."""

from typing import Annotated

import typer

from offhook.api.agent_lifespan import with_agents
from offhook.api.dialogs import bench_dialog
from offhook.cli.call import dialog_of
from offhook.cli.options import ConfigFile, Overrides, with_overrides
from offhook.process.serve import serve as run_server
from offhook.settings.config import Config


@with_overrides
def serve(
    config: ConfigFile = None,
    *,
    overrides: Overrides,
    bench_engines: Annotated[
        bool,
        typer.Option("--bench-engines", help="Fixed words, answer and voice; real media and detector.", metavar=""),
    ] = False,
) -> None:
    """Answer calls until SIGTERM (calls may end) or two SIGINTs (at once)."""
    if bench_engines:
        overrides["asr"] = {"engine": "fixed"}
        overrides["tts"] = {"engine": "recorded"}
    settings = Config.load(config, overrides)
    dialog = bench_dialog if bench_engines and _has_flow(settings) else dialog_of(settings)
    raise typer.Exit(run_server(settings, dialog, with_agents(dialog, settings)))


def _has_flow(settings: Config) -> bool:
    """Whether a flow would answer."""
    return settings.dialog.agent is None and settings.twiml.url is None
