"""`offhook qa pcap`: a capture of calls, explained."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.sip import NARROW, WIDE
from offhook.private_file import make_folder
from offhook.qa.capture.files import CaptureError, CaptureFile
from offhook.qa.diagnosis.analysis import Analyser, Analysis
from offhook.qa.diagnosis.calls import Call
from offhook.qa.diagnosis.report import Report
from offhook.qa.diagnosis.rules import judge
from offhook.qa.diagnosis.wav import WavFiles
from offhook.qa.findings import Limits
from offhook.usererror import UserError, did_you_mean

TROUBLE = 1


def pcap(  # one option each
    file: Annotated[Path, typer.Argument(help="A capture, pcap or pcapng, made by anything.", metavar="FILE")],
    *,
    call: Annotated[
        str, typer.Option(help="Only this call: its number in the report, or its Call-ID.", metavar="CALL")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.", metavar="")] = False,
    wav: Annotated[
        Path | None, typer.Option(help="Write what was heard there, a WAV file for each stream.", metavar="DIR")
    ] = None,
    messages: Annotated[bool, typer.Option("--messages", help="Whole SIP messages, too.", metavar="")] = False,
    answer_s: Annotated[
        float, typer.Option("--answer-s", help="A call that is answered later is late.", min=0, metavar="S")
    ] = Limits().answer_s,
    width: Annotated[int, typer.Option(help="Columns; 0: the terminal's.", min=0, metavar="N")] = 0,
) -> None:
    """Explain a capture of calls: what is wrong, why, and what to do.

    Ladders, codecs, one-way audio, NAT, late answers, DTMF, loss, jitter, gaps, drift, levels, quality.
    Exit status 0: no trouble; 1: trouble was found; 2: the file cannot be read.
    """
    sounds = _sounds(wav, call)
    try:
        analysis, kind = _analyse(file, sounds)
        only = _one(analysis, call) if call else None
        if sounds is not None:
            sounds.close()
    finally:
        if sounds is not None:
            sounds.discard()
    found = judge(analysis, Limits(answer_s=answer_s))
    if only is not None:
        found = [each for each in found if each.call in (0, only.number)]
    report = Report(str(file), kind, analysis, found, only)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), indent=2))
    else:
        columns = min(max(width or shutil.get_terminal_size((140, 24)).columns, NARROW), WIDE)
        typer.echo(report.text(width=columns, colour=sys.stdout.isatty(), messages=messages))
    raise typer.Exit(TROUBLE if report.is_trouble else 0)


def _analyse(path: Path, sounds: WavFiles | None) -> tuple[Analysis, str]:
    """All of a file, and its kind. Raises UserError."""
    try:
        with path.open("rb") as file:
            capture = CaptureFile(file)
            analysis = Analyser(sounds.open if sounds is not None else None).take_all(capture)
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        todo = f"the name of a file that is there: `ls {path.parent}`" if missing else "another file"
        raise UserError(f"{path} cannot be read", error.strerror or str(error), todo, "FILE") from error
    except CaptureError as error:
        todo = "a file of tcpdump -w, Wireshark, or offhook sip capture"
        raise UserError(f"{path} cannot be read", str(error), todo, "FILE") from error
    analysis.problem = capture.problem
    _check_was_read(path, analysis)
    return analysis, capture.kind


def _check_was_read(path: Path, analysis: Analysis) -> None:
    """Raises UserError where no frame could be read: of such a file nothing is known, least of all that it is good."""
    packets = analysis.packets
    if not packets.frames and analysis.problem:
        todo = "a whole copy of it (it is damaged from its first frame on), or a new capture"
        raise UserError(f"{path} cannot be read", analysis.problem, todo, "FILE")
    if not packets.frames:
        todo = "a capture that was made while a call went on"
        raise UserError(f"{path} cannot be read", "it has no packets", todo, "FILE")
    if packets.unknown_frames == packets.frames:
        kinds = ", ".join(map(str, sorted(packets.unknown_links)))
        why = f"all of its frames are of link type {kinds}; Ethernet, Linux cooked, loopback and raw IP are read"
        raise UserError(
            f"nothing in {path} could be read", why, "a capture of another interface: tcpdump -i any", "FILE"
        )


def _sounds(directory: Path | None, call: str) -> WavFiles | None:
    if directory is None:
        return None
    make_folder(directory, "--wav")
    return WavFiles(directory, _wants(call))


def _wants(call: str) -> Callable[[Call | None], bool]:
    if not call:
        return lambda _: True
    return lambda each: each is not None and call in (str(each.number), each.call_id)


def _one(analysis: Analysis, name: str) -> Call:
    wants = _wants(name)
    calls = list(analysis.calls.by_id.values())
    found = next((each for each in calls if wants(each)), None)
    if found is None:
        why = f"it has {len(calls)} calls, numbered from 1" if calls else "it has no calls with SIP"
        todo = did_you_mean(name, [each.call_id for each in calls]) if calls else "the same without --call"
        raise UserError(f"there is no call {name!r} in the capture", why, todo, "--call")
    return found
