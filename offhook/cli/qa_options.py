"""The options of `offhook qa run`, of which other commands of the group have some, and the exit status of all."""

from pathlib import Path
from typing import Annotated

import typer

FAILURE = 1
"""Something was found."""

MAX_REPEATS = 1_000

What = Annotated[
    list[str] | None,
    typer.Argument(help="What to run; behind `--` options of SIPp.", metavar="WHAT… [-- SIPP-OPTIONS]"),
]
Target = Annotated[str | None, typer.Option("--target", help="The bot: HOST:PORT, sip:…, ws://….", metavar="ADDRESS")]
BotFile = Annotated[
    Path | None, typer.Option("--bot", help="Start this flow (YAML) or bot (Python) first.", metavar="FILE")
]
BotPages = Annotated[
    str | None, typer.Option("--http", help="The pages of an offhook bot that runs.", metavar="HOST:PORT")
]
Junit = Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML.", metavar="FILE")]
Json = Annotated[Path | None, typer.Option("--json", help="Write JSON.", metavar="FILE")]
Html = Annotated[Path | None, typer.Option("--html", help="Write a report: one page with all in it.", metavar="FILE")]
Save = Annotated[
    Path | None, typer.Option("--save", help="Write what was heard, and the packets, there.", metavar="DIR")
]
Stream = Annotated[bool, typer.Option("--stream", help="Call over Twilio's media stream in place of SIP.", metavar="")]
Authorities = Annotated[
    Path | None, typer.Option("--ca", help="Who signs the bot's certificate, for TLS.", metavar="FILE")
]
CoverageFlag = Annotated[
    bool, typer.Option("--coverage", help="Print which steps and edges of the bot's flow were walked.", metavar="")
]
CoverageJson = Annotated[Path | None, typer.Option(help="Write the coverage as JSON.", metavar="FILE")]
CoverageAtLeast = Annotated[
    float | None, typer.Option(min=0, max=100, help="The least coverage that passes.", metavar="PERCENT")
]
ListThem = Annotated[bool, typer.Option("--list", help="Print the SIPp scenarios that come with offhook.", metavar="")]
RecordPersonas = Annotated[
    bool, typer.Option("--record-personas", help="Let the models play all personas anew.", metavar="")
]
Repeat = Annotated[
    int,
    typer.Option("--repeat", help="Run each script so often; runs must agree.", min=1, max=MAX_REPEATS, metavar="N"),
]
BaselineFile = Annotated[Path | None, typer.Option("--baseline", help="Compare with this earlier run.", metavar="FILE")]
SaveBaseline = Annotated[
    Path | None, typer.Option("--save-baseline", help="Write the figures, if all passed.", metavar="FILE")
]
Tolerances = Annotated[
    list[str] | None,
    typer.Option(
        "--tolerance", help="How much worse a measure may be: beyond both it is.", metavar="NAME=PERCENT,FLOOR"
    ),
]
