"""A script from the record of a call that took place: who said what, interrupted whom, and hung up. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

WORDS = 6
"""Of what the bot said: enough to know it again, whatever figures follow."""

LEAST_AFTER_MS = 300
_KEYS = re.compile(r"\[keys: (\d+)\]")


def script_of(record: Mapping[str, Any]) -> str:
    """The script (YAML) of an offhook record as `/api/calls/ID` has it. ValueError if nothing was said.

    What a record does not have is marked: which keys were pressed, and how the caller spoke.
    """
    lines = [line for line in record.get("transcript", ()) if line.get("final", True) and line["text"].strip()]
    if not lines:
        raise ValueError("nothing was said in it")
    steps = _steps(lines)
    by_bot = record.get("ended_by") == "bot"
    if by_bot:
        steps += ["- wait_for: speech"] if lines[-1]["who"] == "bot" else []
        steps.append("- wait_for: end")
    else:
        steps.append("- hang_up")
    said = {who: [_beginning(line["text"]) for line in lines if line["who"] == who] for who in ("bot", "caller")}
    caller_said = [text for text in said["caller"] if text]
    return "\n".join(
        [
            f"name: {_quoted('call ' + str(record['uniqueid'])[:8])}",
            f"# recorded on {record['start']}: {record['src']} called {record['dst']}",
            "steps:",
            *(f"  {step}" for step in steps),
            "expect:",
            f"  ended_by: {'bot' if by_bot else 'caller'}",
            "  bot_said:",
            *(f"    - {_quoted(text)}" for text in said["bot"] if text),
            *(["  caller_said:", *(f"    - {_quoted(text)}" for text in caller_said)] if caller_said else []),
            "",
        ]
    )


def _steps(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    steps: list[str] = []
    before: Mapping[str, Any] | None = None  # what the bot said last, and nobody has waited for
    for line in lines:
        if line["who"] == "bot":
            before = line
            continue
        keys = _KEYS.fullmatch(line["text"])
        action = f'press: "{"1" * int(keys[1])}"' if keys else f"say: {_quoted(line['text'])}"
        mark = f"   # {keys[1]} keys: the record does not have which" if keys else ""
        if before is not None and before.get("unheard"):
            after_ms = max(LEAST_AFTER_MS, round(1_000 * (line["at_s"] - before["at_s"])))
            steps.append(f"- interrupt: {{after_ms: {after_ms}, {action}}}{mark}")
        else:
            steps += ["- wait_for: speech"] if before is not None else []
            steps.append(f"- {action}{mark}")
        before = None
    return steps


def _beginning(text: str) -> str:
    return "" if _KEYS.fullmatch(text) else " ".join(text.split()[:WORDS])


def _quoted(text: str) -> str:
    """A text as YAML, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
