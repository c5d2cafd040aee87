"""The ways through an IVR that end, and a call script for each. Pure."""

import json
from collections.abc import Iterator
from typing import NamedTuple

from offhook.qa.crawl.graph import CrawlMap, Ending, Reached, Tried
from offhook.qa.script.script import CallSettings
from offhook.usererror import plain

_ENDS = (Ending.HUNG_UP, Ending.TRANSFERRED, Ending.ENDLESS)
"""What is worth a script where no prompt follows; others are silent, or an accident."""

MUSIC_MS = 5_000
"""How long a script listens to a sound that does not stop."""


class Leaf(NamedTuple):
    """What is done one after the other, and then: the last prompt (None: none follows), and how the call ends."""

    path: tuple[Tried, ...]
    node: int | None
    end: Reached | None


def leaves(found: CrawlMap) -> Iterator[Leaf]:
    """Prompts from which no shortest way leads on, and actions that end the call without a word."""
    inner = {path[-1].node for path in found.paths.values() if path}
    ending = {tried: reached for tried, reached in found.edges.items() if reached.ending in _ENDS}
    for number, path in found.paths.items():
        ends = [tried for tried in ending if tried.node == number]
        if number not in inner and not ends:
            yield Leaf(path, number, found.nodes[number].ending)
        for tried in ends:
            repeated = tuple(tried._replace(times=each + 1) for each in range(tried.times))
            yield Leaf((*path, *repeated), None, ending[tried])


def script_text(found: CrawlMap, leaf: Leaf, call: CallSettings, wait_s: float) -> str:
    """A call script (YAML), for a folder beside `prompts/`."""
    done = " > ".join(str(tried.action) for tried in leaf.path) or "the first prompt"
    numbers = dict.fromkeys([tried.node for tried in leaf.path] + ([] if leaf.node is None else [leaf.node]))
    prompts = ", ".join(f"n{each}: ../prompts/n{each}.wav" for each in numbers if not found.nodes[each].variants)
    steps = [step for tried in leaf.path for step in _steps(found, tried, wait_s)]
    steps += [] if leaf.node is None else [_wait_for(found, leaf.node, wait_s)]
    kept = {"pause_ms": call.pause_ms, "max_s": call.max_s, "ring_s": call.ring_s, "transport": call.transport}
    lines = [f"name: {_quoted(done)}", f"call: {_quoted(kept)}"]
    lines += [f"prompts: {{{prompts}}}"] if prompts else []
    steps += _last(leaf.end, wait_s)
    return "\n".join([*lines, "steps:", *(f"  - {each}" for each in steps), *_expect(leaf.end), ""])


def _steps(found: CrawlMap, tried: Tried, wait_s: float) -> Iterator[str]:
    yield _wait_for(found, tried.node, wait_s)
    if tried.action.kind != "listen":
        yield f"{tried.action.kind}: {_quoted(tried.action.what)}"


def _wait_for(found: CrawlMap, number: int, wait_s: float) -> str:
    what = "speech: true" if found.nodes[number].variants else f"prompt: n{number}"
    return f"wait_for: {{{what}, within_ms: {round(1_000 * wait_s)}}}"


def _last(end: Reached | None, wait_s: float) -> list[str]:
    if end is None:
        return ["hang_up"]
    if end.ending is Ending.ENDLESS:
        return [f"wait: {MUSIC_MS}", "hang_up"]
    return [f"wait_for: {{end: true, within_ms: {round(1_000 * wait_s)}}}"]


def _expect(end: Reached | None) -> list[str]:
    if end is None:
        return []
    if end.ending is Ending.ENDLESS:
        return [f"expect: {{speech_s: {{at_least: {MUSIC_MS / 2_000:g}}}}}"]
    transfer = f", transfer_to: {_quoted(end.about)}" if end.ending is Ending.TRANSFERRED else ""
    return [f"expect: {{ended_by: bot{transfer}}}"]


def _quoted(value: object) -> str:
    """A value as YAML, whatever is in it: JSON, with escapes for all that YAML does not take as it is."""
    return plain(json.dumps(value, ensure_ascii=False))
