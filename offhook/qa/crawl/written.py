"""What a crawl leaves behind: `map.json`, `map.mmd` (Mermaid), each prompt as WAV, and a call script for each leaf."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from offhook.qa.crawl.graph import CrawlMap, Ending, Node, Reached, Tried
from offhook.qa.crawl.leaves import leaves, script_text
from offhook.qa.script.script import CallSettings
from offhook.telephony.pcm import RATE_HZ
from offhook.testing.audio_files import save
from offhook.usererror import UserError

VERSION = 1
"""Of the JSON; a field that changes its meaning makes a new one."""

LABEL_CHARS = 60


def write(folder: Path, found: CrawlMap, sounds: Mapping[int, bytes], call: CallSettings, wait_s: float) -> int:
    """Write everything into a folder; returns how many scripts there are. Raises UserError."""
    scripts = [script_text(found, leaf, call, wait_s) for leaf in leaves(found)]
    try:
        for name in ("prompts", "scripts"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        content = json.dumps(as_dict(found, sounds), indent=2, ensure_ascii=False)
        # What a far end sends may hold halves of characters, which no file can.
        (folder / "map.json").write_text(content + "\n", encoding="utf-8", errors="replace")
        (folder / "map.mmd").write_text(mermaid(found), encoding="utf-8")
        for number, text in enumerate(scripts, 1):
            (folder / "scripts" / f"{number:02}.yaml").write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder} cannot be written", error.strerror or str(error), "--out map", "--out") from error
    for number, pcm in sounds.items():
        save(folder / "prompts" / f"n{number}.wav", pcm, "--out")
    return len(scripts)


def as_dict(found: CrawlMap, sounds: Mapping[int, bytes]) -> Mapping[str, Any]:
    """Plain values."""
    return {
        "version": VERSION,
        "target": found.target,
        "calls": found.calls,
        "seconds": round(found.seconds, 1),
        "notes": list(found.notes),
        "nodes": [
            {
                "name": node.name,
                "wav": f"prompts/{node.name}.wav",
                "seconds": round(len(sounds[node.number]) / 2 / RATE_HZ, 2),
                "text": node.text,
                "varies": bool(node.variants),
                **_end(node.ending or Reached(None)),
                "path": [str(tried.action) for tried in found.paths.get(node.number, ())],
            }
            for node in found.nodes.values()
        ],
        "edges": [
            {
                "from": f"n{tried.node}",
                "action": str(tried.action),
                "times": tried.times,
                "to": None if reached.node is None else f"n{reached.node}",
                **_end(reached),
            }
            for tried, reached in found.edges.items()
        ],
    }


def _end(reached: Reached) -> Mapping[str, str | None]:
    return {"ending": None if reached.ending is None else str(reached.ending), "about": reached.about}


def mermaid(found: CrawlMap) -> str:
    """The graph in Mermaid's language; actions with the same result share an arrow, and what is silent has none."""
    lines = ["flowchart TD", *(f"    {node.name}[{_label(_text(node))}]" for node in found.nodes.values())]
    arrows: dict[tuple[int, str], list[str]] = {}
    for tried, reached in found.edges.items():
        if reached.ending is not Ending.SILENT:
            arrows.setdefault((tried.node, _mark(reached)), []).append(_done(tried))
    lines += [f"    n{number} -->|{_label(', '.join(done))}| {to}" for (number, to), done in arrows.items()]
    lines += [f"    {node.name} --> {_mark(node.ending)}" for node in found.nodes.values() if node.ending is not None]
    return "\n".join((*lines, *dict.fromkeys(_ends(found)), ""))


def _ends(found: CrawlMap) -> Iterator[str]:
    ends = [node.ending for node in found.nodes.values() if node.ending is not None]
    for reached in (*ends, *found.edges.values()):
        if reached.ending is not None and reached.ending is not Ending.SILENT:
            yield f"    {_mark(reached)}(({_label(str(reached.ending).replace('_', ' '))}))"


def _mark(reached: Reached) -> str:
    return f"n{reached.node}" if reached.ending is None else str(reached.ending)


def _done(tried: Tried) -> str:
    return str(tried.action) + (f", {tried.times} times" if tried.times > 1 else "")


def _text(node: Node) -> str:
    text = node.text if len(node.text) <= LABEL_CHARS else node.text[: LABEL_CHARS - 1] + "…"
    return f"{node.name}: {text}" if text else node.name


def _label(text: str) -> str:
    """A text that may have anything in it, as Mermaid has it."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    return '"' + plain.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;") + '"'
