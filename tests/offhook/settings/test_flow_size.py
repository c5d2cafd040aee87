"""The largest flow that is run, with many commands in several languages, is checked in a moment."""

from time import process_time

import pytest

from offhook.pipeline.dialog.check import find_problems
from offhook.pipeline.dialog.limits import MAX_COMMANDS, MAX_STEPS
from offhook.settings.flow_file import parse_flow

LANGUAGES = ("en", "de", "es")
LETTERS = "abcdefghijklmnopqrst"

SECONDS = 1.0
"""A processor that is half as fast takes 0.6."""


def by_language(kind: str, name: str) -> str:
    """Four phrases in each language."""
    each = (f"{tag}: [{', '.join(f'{tag} {kind} {name} {letter}' for letter in 'wxyz')}]" for tag in LANGUAGES)
    return f"{{{', '.join(each)}}}"


def texts(text: str) -> str:
    return f"{{{', '.join(f'{tag}: {text} {tag}.' for tag in LANGUAGES)}}}"


def large_flow() -> str:
    questions = MAX_STEPS - len(LANGUAGES) - 1
    lines = ["name: large", "start: s0", "language: en", "no_input: {then: bye}", "no_match: {then: bye}", "commands:"]
    lines += [f"  {name}: {{phrases: {by_language('command', name)}, do: repeat}}" for name in LETTERS[:MAX_COMMANDS]]
    lines.append("steps:")
    for number in range(questions):
        follows = f"s{number + 1}" if number + 1 < questions else "l0"
        choice = f"{{phrases: {by_language('answer', 'one')}, key: 1, next: {follows}}}"
        lines.append(f"  s{number}: {{ask: {texts('Question')}, choices: {{one: {choice}}}}}")
    for number, tag in enumerate(LANGUAGES):
        follows = f"l{number + 1}" if number + 1 < len(LANGUAGES) else "bye"
        lines.append(f"  l{number}: {{set_language: {tag}, next: {follows}}}")
    return "\n".join([*lines, f"  bye: {{hang_up: {texts('Goodbye')}}}", ""])


@pytest.mark.alone
def test_the_largest_flow_is_checked_in_a_moment() -> None:
    flow = parse_flow(large_flow().encode(), "large.yaml")
    assert len(flow.steps) == MAX_STEPS
    began = process_time()
    assert find_problems(flow) == ()
    assert process_time() - began < SECONDS
