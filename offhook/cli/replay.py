"""`offhook replay`: runs a recorded call's turn core again, and shows what other settings would have changed."""

import json
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from offhook.cli.event_logs import log_of
from offhook.cli.options import AsJson, ConfigFile
from offhook.flight.lines import head_of, lines_of
from offhook.flight.reader import reading_rows
from offhook.flight.replay import Replay
from offhook.flight.replay import replay as run_again
from offhook.flight.speech import Input, sounds_in
from offhook.flight.what_if import RecordedCall, same_sound
from offhook.pipeline.vad.gate import GateSettings
from offhook.settings.config import Config
from offhook.settings.conversation_sections import TurnConfig, VadConfig
from offhook.usererror import UserError

FAILURE = 1

_GATE = {
    "start_threshold": "start_probability",
    "barge_in_threshold": "barge_in_probability",
    "stop_threshold": "stop_probability",
    "min_speech_ms": "min_speech_ms",
}
_CHANGEABLE = ("turn.silence_ms", "turn.filler_ms", *(f"vad.{name}" for name in _GATE))


def replay(
    call: Annotated[str, typer.Argument(help="A call's id, or the file of its event log.", metavar="CALL|FILE")],
    config: ConfigFile = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help=f"What if: {', '.join(_CHANGEABLE)}.", metavar="KEY=VALUE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a recorded call again, and print what was said and decided. 1: something was decided otherwise.

    With --set, print for each turn what another setting would have changed.
    """
    log = log_of(call, Config.load(config))
    if changes:
        wanted = dict(_change(each) for each in changes)
        with reading_rows(log):
            found = what_if(RecordedCall(log), wanted)
            text = json.dumps(found, indent=2) if as_json else "\n".join(_changed(found))
        typer.echo(text)
        return
    with reading_rows(log):
        again = run_again(log)
        text = json.dumps(_as_dict(again), indent=2) if as_json else "\n".join(_report(again))
    typer.echo(text)
    if not again.identical:
        raise typer.Exit(FAILURE)


def what_if(call: RecordedCall, changes: dict[str, float]) -> dict[str, Any]:
    """What other settings would have changed, in each turn, for each sound over the bot, and in each silence of the
    bot's. UserError for a value that the settings do not allow."""
    silence_ms = changes.get("turn.silence_ms")
    gate = _gate(call.log.gate, {key: value for key, value in changes.items() if key.startswith("vad.")})
    inputs: list[Input] | None = None if gate == call.log.gate else call.inputs_of(gate)
    turns = []
    for turn in call.turns:
        if silence_ms is not None:
            end = call.end_with(turn, int(silence_ms), inputs, own=True)
        else:
            end = call.end_of_gate(turn, inputs if inputs is not None else call.inputs)
        ends = {
            name: None if each is None else {"wait_ms": round(each.wait_ms, 1), "cut": each.cut}
            for name, each in (("was", turn.end), ("would_be", end))
        }
        turns.append({"at": round(turn.end.speech_ended_at - call.log.began, 3), "text": turn.text, **ends})
    sounds = sounds_in(inputs if inputs is not None else call.inputs)
    over_bot = [
        {
            "at": round(each.sound.began_at - call.log.began, 3),
            "words": each.words,
            "was_ms": each.stops_after_ms(each.sound),
            "would_be_ms": each.stops_after_ms(same_sound(sounds, each.sound)),
        }
        for each in call.over_bot
    ]
    found = {"call": call.log.call, "set": changes, "turns": turns, "sounds_over_the_bot": over_bot}
    return found | {"silences": _silences(call, changes.get("turn.filler_ms"))}


def _silences(call: RecordedCall, filler_ms: float | None) -> list[dict[str, Any]]:
    if filler_ms is None:
        return []
    return [
        {
            "at": round(was.began_at - call.log.began, 3),
            "waits_for": (was if would_be.filled_at is None else would_be).stage,
            "s": _seconds(was.seconds),
            "was_s": _seconds(was.filled_after_s),
            "would_be_s": _seconds(would_be.filled_after_s),
        }
        for was, would_be in zip(call.silences, call.silences_with(filler_ms), strict=True)
    ]


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _change(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    if key not in _CHANGEABLE:
        raise UserError(f"{key!r} cannot be changed in a replay", "a log says nothing about it", ", ".join(_CHANGEABLE))
    section, _, name = key.partition(".")
    try:
        checked = (TurnConfig if section == "turn" else VadConfig).model_validate({name: value, **_loose(name)})
    except ValidationError as error:
        why = "; ".join(each["msg"] for each in error.errors())
        raise UserError(f"{value!r} is no value for {key}", why, "offhook config, which shows the defaults") from error
    return key, float(getattr(checked, name))


def _loose(name: str) -> dict[str, float]:
    """Values that allow any other threshold: it is compared with the log's own later."""
    return {"stop_threshold": {"start_threshold": 0.999}, "start_threshold": {"stop_threshold": 0.001}}.get(name, {})


def _gate(gate: GateSettings, changes: dict[str, float]) -> GateSettings:
    values = {_GATE[key.removeprefix("vad.")]: value for key, value in changes.items()}
    if "min_speech_ms" in values:
        values["min_speech_ms"] = int(values["min_speech_ms"])
    changed = replace(gate, **values)  # type: ignore[arg-type]  # names from the table above
    if changed.stop_probability > changed.start_probability:
        why = f"{changed.stop_probability:g} is above vad.start_threshold, {changed.start_probability:g}"
        raise UserError("vad.stop_threshold is too high", why, "--set both")
    return changed


def _report(again: Replay) -> list[str]:
    lines = [head_of(again.log), "", *lines_of(again), ""]
    decisions = sum(len(step.outputs) for step in again.steps)
    if again.difference is None:
        lines.append(f"{again.seconds:.1f} s, {decisions} decisions, all as in the call")
    else:
        different = again.difference
        lines.append(f"decided otherwise at {different.at:.3f} s, row {different.row} of the log:")
        lines += [f"  was       {different.was}", f"  replayed  {different.replayed}"]
    if again.log.truncated:
        lines.append("the log ends before the call did")
    return lines


def _changed(found: dict[str, Any]) -> list[str]:
    lines = [f"{found['call']}  with {', '.join(f'{key} = {value:g}' for key, value in found['set'].items())}", ""]
    fillers_only = set(found["set"]) == {"turn.filler_ms"}
    for number, turn in enumerate([] if fillers_only else found["turns"], 1):
        was, would_be = (_end(turn[name]) for name in ("was", "would_be"))
        same = "unchanged" if was == would_be else f"{was} -> {would_be}"
        lines.append(f"turn {number} at {turn['at']:.1f} s, {turn['text']!r}: {same}")
    for each in [] if fillers_only else found["sounds_over_the_bot"]:
        what = "speech" if each["words"] else "a noise"
        was, would_be = (_stop(each[name]) for name in ("was_ms", "would_be_ms"))
        same = "unchanged" if was == would_be else f"{was} -> {would_be}"
        lines.append(f"{what} over the bot at {each['at']:.1f} s: {same}")
    for each in found["silences"]:
        if each["was_s"] is None and each["would_be_s"] is None:
            continue
        waited = "to the end" if each["s"] is None else f"{each['s']:.1f} s"
        was, would_be = (_filler(each[name]) for name in ("was_s", "would_be_s"))
        same = f"unchanged, {was}" if was == would_be else f"{was} -> {would_be}"
        lines.append(f"silence of {waited} at {each['at']:.1f} s, the caller waits for the {each['waits_for']}: {same}")
    return lines


def _filler(after_s: float | None) -> str:
    return "no filler" if after_s is None else f"a filler after {after_s:.2f} s"


def _end(end: dict[str, Any] | None) -> str:
    if end is None:
        return "no end"
    return f"over after {end['wait_ms']:.0f} ms" + (", and the caller went on" if end["cut"] else "")


def _stop(after_ms: float | None) -> str:
    return "the bot went on" if after_ms is None else f"interrupted after {after_ms:.0f} ms"


def _as_dict(again: Replay) -> dict[str, Any]:
    steps = [
        {
            "at": round(step.at, 6),
            "input": step.name,
            "before": str(step.before),
            "after": str(step.after),
            "outputs": step.outputs,
        }
        for step in again.steps
    ]
    difference = None if again.difference is None else asdict(again.difference)
    return {"call": again.log.call, "identical": again.identical, "difference": difference, "steps": steps}
