"""`offhook flow graph`, `run` and `test`: draws flows, runs them by typing, and plays their tests."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from offhook.calls.switches import check_setting
from offhook.cli.options import pairs_of
from offhook.cli.qa_options import FAILURE, Json, Junit
from offhook.flow_tools.case_file import SUFFIX, CaseFile, load_cases
from offhook.flow_tools.mermaid import mermaid
from offhook.flow_tools.no_secrets import NoSecrets
from offhook.flow_tools.play import play
from offhook.flow_tools.svg import svg
from offhook.flow_tools.typed import TypedCall
from offhook.observe.log import setup
from offhook.pipeline.dialog.flow import Flow
from offhook.private_file import write_json
from offhook.qa.coverage.report import lines, summary
from offhook.qa.coverage.walked import Coverage, Entered, coverage_of
from offhook.qa.result import Result, as_json, write_junit
from offhook.qa.verdict.judge import Deviation
from offhook.settings.flow_file import load_flow
from offhook.testing.virtual_time import run as in_virtual_time
from offhook.usererror import UserError

FlowFile = Annotated[Path, typer.Argument(help="A flow, a YAML file.", metavar="FLOW")]


def graph(
    flow: FlowFile,
    picture: Annotated[
        Path | None, typer.Option("--svg", help="Write a picture there instead.", metavar="FILE")
    ] = None,
    tests: Annotated[
        Path | None, typer.Option("--tests", help="Colour what these tests walk (of --svg).", metavar="FILE")
    ] = None,
) -> None:
    """Draw a flow: Mermaid on the terminal, or an SVG file."""
    setup(level="error")
    loaded = _loaded(flow)
    if picture is None:
        typer.echo(mermaid(loaded), nl=False)
        return
    coverage = None if tests is None else _played(load_cases(tests), loaded)[1]
    try:
        picture.write_text(svg(loaded, coverage), "utf-8")
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"{picture} cannot be written", why, "name another file", "--svg") from error
    typer.echo(f"wrote {picture}")


def run(
    flow: FlowFile,
    caller: Annotated[str, typer.Option(help="Who calls.", metavar="ADDRESS")] = "sip:caller@example.com",
    called: Annotated[str, typer.Option(help="Who is called.", metavar="ADDRESS")] = "sip:bot@example.com",
    language: Annotated[str, typer.Option(help="The call's.", metavar="TAG")] = "en-US",
    now: Annotated[
        datetime | None, typer.Option(help="The time of day.", metavar="'2026-12-24 18:30'", formats=["%Y-%m-%d %H:%M"])
    ] = None,
    no_transfers: Annotated[bool, typer.Option("--no-transfers", help="Every transfer fails.", metavar="")] = False,
    switch: Annotated[
        list[str] | None, typer.Option("--switch", help="Set a switch; may be repeated.", metavar="NAME=VALUE")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the steps.", metavar="")] = False,
) -> None:
    """Call a flow by typing. Its requests are answered by typing, too: nothing leaves this machine."""
    setup(level="error")
    loaded, switches = _loaded(flow), pairs_of(switch, "--switch")
    for name, value in switches.items():
        check_setting(loaded.switches, name, value)
    transfers = not no_transfers
    call = TypedCall(loaded, input, typer.echo, verbose=verbose, now=now, transfers=transfers, switches=switches)
    in_virtual_time(call.run(caller, called, language))


def test(
    tests: Annotated[list[Path], typer.Argument(help=f"Tests (NAME{SUFFIX}), or folders of them.", metavar="TEST…")],
    least: Annotated[
        float | None, typer.Option("--least", min=0, max=100, help="Coverage that passes.", metavar="PERCENT")
    ] = None,
    junit: Junit = None,
    as_json_to: Json = None,
) -> None:
    """Play the tests of flows, without audio: milliseconds a call.

    0: all passed; 1: one did not; 2: a flow or a test cannot be run.
    """
    setup(level="error")
    results: list[Result] = []
    for path in _test_files(tests):
        file = load_cases(path)
        flow = _loaded(file.flow)
        played, coverage = _played(file, flow)
        for each in played:
            typer.echo(each.text())
        typer.echo("\n".join(lines(coverage)))
        results += played
        if least is not None and coverage.percent < least:
            what = f"the tests walk {coverage.percent:.1f} % of the flow, {least:g} % were expected"
            results.append(Result("coverage", str(path), 0.0, (Deviation("coverage", what, summary(coverage)),)))
            typer.echo(results[-1].text())
    failed = sum(not each.passed for each in results)
    typer.echo(f"{len(results) - failed} passed, {failed} failed")
    if junit is not None:
        write_junit(junit, results)
    if as_json_to is not None:
        write_json(as_json_to, as_json(results), "--json")
    raise typer.Exit(FAILURE if failed else 0)


def _loaded(path: Path) -> Flow:
    """A flow whose requests go nowhere."""
    return load_flow(path, environ=NoSecrets())


def _test_files(given: Iterable[Path]) -> list[Path]:
    found = []
    for path in given:
        inside = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path]
        if not inside:
            raise UserError(f"there are no tests in {path}", f"a test is called NAME{SUFFIX}", "name a file", str(path))
        found += inside
    return found


def _played(file: CaseFile, flow: Flow) -> tuple[list[Result], Coverage]:
    results, walks = list[Result](), list[list[Entered]]()
    for case in file.cases:
        result, walk = play(flow, file, case)
        results.append(result)
        walks.append(walk)
    return results, coverage_of(flow, walks)
