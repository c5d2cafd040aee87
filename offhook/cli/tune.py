"""`offhook tune`: what thresholds would have done on recorded calls."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.event_logs import logs_of
from offhook.cli.options import AsJson, ConfigFile
from offhook.flight.reader import FlightLog, reading_rows
from offhook.flight.tune import EndpointPoint, InterruptPoint, endpoint_curve, interrupt_curve
from offhook.flight.what_if import WENT_ON_S, RecordedCall
from offhook.settings.config import Config
from offhook.usererror import UserError

MAX_POINTS, MAX_MS = 50, 10_000


def tune(
    calls: Annotated[
        list[str] | None, typer.Argument(help="Ids, event logs or folders of them; all calls without.", metavar="CALL…")
    ] = None,
    config: ConfigFile = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Silences that end a turn, in milliseconds.", metavar="200,300,500,800")
    ] = None,
    interrupt_ms: Annotated[
        str | None, typer.Option("--interrupt-ms", help="How long speech lasts to interrupt.", metavar="60,120,250")
    ] = None,
    within_s: Annotated[
        float, typer.Option(min=0.1, max=30, help="A caller who goes on so soon was cut off.")
    ] = WENT_ON_S,
    plot: Annotated[Path | None, typer.Option(help="Draw the curves (needs matplotlib).", metavar="FILE.png")] = None,
    as_json: AsJson = False,
) -> None:
    """Show on recorded calls what a threshold costs: callers cut off against delay, false stops against talk-over."""
    if endpoint is None and interrupt_ms is None:
        raise UserError(
            "there is nothing to tune",
            "neither --endpoint nor --interrupt-ms is given",
            "offhook tune --endpoint 200,300,500,800",
        )
    silences, least = _numbers("--endpoint", endpoint), _numbers("--interrupt-ms", interrupt_ms)
    found, skipped = _replayed(logs_of(calls or [], Config.load(config)), within_s)
    ends, stops = endpoint_curve(found, silences), interrupt_curve(found, least)
    if plot is not None:
        draw(ends, stops, plot)
    if as_json:
        result = {"calls": len(found), "skipped": skipped}
        typer.echo(json.dumps(result | {"endpoint": _plain(ends), "interrupt": _plain(stops)}, indent=2))
        return
    for error in skipped:
        typer.echo(error, err=True)
    if ends:
        typer.echo("\n".join(_ends_table(ends, len(found), within_s)))
    if stops:
        typer.echo("\n".join(_stops_table(stops, len(found))))


def _replayed(logs: Sequence[FlightLog], within_s: float) -> tuple[list[RecordedCall], list[str]]:
    """The calls that can be run again, and why the others cannot."""
    found, skipped = [], []
    for log in logs:
        try:
            with reading_rows(log):
                found.append(RecordedCall(log, went_on_s=within_s))
        except UserError as error:
            skipped.append(error.render())
    return found, skipped


def _numbers(option: str, text: str | None) -> list[int]:
    try:
        found = sorted({int(each) for each in text.split(",")}) if text is not None else []
    except ValueError:
        found = [-1]
    if len(found) > MAX_POINTS or not all(0 <= each <= MAX_MS for each in found):
        why = f"it takes up to {MAX_POINTS} whole numbers from 0 to {MAX_MS}, with commas between them"
        raise UserError(f"{text!r} cannot be used", why, f"{option} 200,300,500")
    return found


def _plain(points: Sequence[EndpointPoint] | Sequence[InterruptPoint]) -> list[dict[str, Any]]:
    return [asdict(point) for point in points]


def _ends_table(points: Sequence[EndpointPoint], calls: int, within_s: float) -> list[str]:
    lines = [
        f"{calls} calls; cut off: the caller went on within {within_s:g} s",
        "silence_ms  turns  cut off          wait p50  p95   added",
    ]
    for one in points:
        rate = f"{100 * one.cut / one.turns:.1f} %" if one.turns else "-"
        cut = f"{one.cut} = {rate} ({one.cut_low_percent:.1f} to {one.cut_high_percent:.1f})"
        waits = f"{_ms(one.wait_p50_ms):>8}  {_ms(one.wait_p95_ms):>5}  {_ms(one.added_ms, sign=True):>5}"
        lines.append(f"{one.silence_ms:>10}  {one.turns:>5}  {cut:<24} {waits}")
    return lines


def _stops_table(points: Sequence[InterruptPoint], calls: int) -> list[str]:
    lines = [
        f"{calls} calls; sounds over the bot",
        "min_speech_ms  noises  false stops  speeches  missed  talks over p50  p95",
    ]
    for one in points:
        lines.append(
            f"{one.min_speech_ms:>13}  {one.noises:>6}  {one.false_stops:>11}  {one.speeches:>8}  {one.missed:>6}"
            f"  {_ms(one.talk_over_p50_ms):>14}  {_ms(one.talk_over_p95_ms):>4}"
        )
    return lines


def _ms(value: float | None, *, sign: bool = False) -> str:
    return "-" if value is None else f"{value:+.0f}" if sign else f"{value:.0f}"


def draw(ends: Sequence[EndpointPoint], stops: Sequence[InterruptPoint], path: Path) -> None:
    """Draw the curves. UserError without matplotlib, or if the file cannot be written."""
    try:
        import_module("matplotlib").use("Agg")  # no window
        pyplot = import_module("matplotlib.pyplot")
    except ImportError as error:
        what = "the curves cannot be drawn"
        raise UserError(what, f"matplotlib is missing: {error}", "pip install matplotlib") from error
    panels = [bool(ends), bool(stops)].count(True)
    figure, axes = pyplot.subplots(1, panels, figsize=(5.5 * panels, 4), squeeze=False)
    left = iter(axes[0])
    if ends:
        known = [one for one in ends if one.turns]
        x, y = [one.wait_p50_ms for one in known], [100 * one.cut / one.turns for one in known]
        texts = ("end of turn after (ms, p50)", "callers cut off (%)")
        _curve(next(left), x, y, [str(one.silence_ms) for one in known], *texts)
    if stops:
        heard = [one for one in stops if one.talk_over_p50_ms is not None]
        x = [one.talk_over_p50_ms for one in heard]
        y = [100 * one.false_stops / one.noises if one.noises else 0.0 for one in heard]
        texts = ("talks over the caller (ms, p50)", "noises that stop the bot (%)")
        _curve(next(left), x, y, [str(one.min_speech_ms) for one in heard], *texts)
    figure.tight_layout()
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be written", str(error), "--plot FILE.png") from error
    finally:
        pyplot.close(figure)


def _curve(axis: Any, x: Sequence[Any], y: Sequence[float], labels: Sequence[str], x_label: str, y_label: str) -> None:
    axis.plot(x, y, marker="o")
    for at, value, label in zip(x, y, labels, strict=True):
        axis.annotate(label, (at, value), textcoords="offset points", xytext=(4, 4), fontsize=8)
    axis.set_xlabel(x_label)
    axis.set_ylabel(y_label)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
