"""`offhook qa`: tests of phone systems, and captures of their calls explained."""

import typer

from offhook.cli.qa_pcap import pcap

app = typer.Typer(help="Test phone systems, and explain captures of their calls.", no_args_is_help=True)


@app.callback()
def qa() -> None:
    """Test phone systems, and explain captures of their calls."""


app.command()(pcap)
