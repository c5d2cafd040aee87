"""No module imports itself by way of others, hidden ways (in functions, for type checkers only) included."""

import ast
import os
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]


def modules() -> dict[str, Path]:
    found = {}
    # `offhook.sip` and its siblings are links to the folders at the top.
    for folder, _, files in os.walk(ROOT / "offhook", followlinks=True):
        for file in files:
            if file.endswith(".py"):
                path = Path(folder) / file
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = path
    return found


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All of them, but for what runs only where the module is the program."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            continue
        yield node
        yield from statements(node)


def imports(source: str, known: set[str]) -> set[str]:
    found = set()
    for node in statements(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else str(node.module))
    return found & known


def cycle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_no_cycle() -> None:
    known = modules()
    assert len(known) > 200 and "offhook.sip.ua" in known
    graph = {name: imports(path.read_text(encoding="utf-8"), set(known)) - {name} for name, path in known.items()}
    # The public names are imported when they are asked for.
    graph["offhook"] = set()
    assert cycle(graph) == []


def test_hidden_ones_are_found() -> None:
    sources = {
        "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import b",
        "b": "def late() -> None:\n    from c import x",
        "c": "try:\n    import a\nexcept ImportError:\n    pass",
        "d": "if __name__ == '__main__':\n    import a\nimport c",
    }
    graph = {name: imports(source, set(sources)) for name, source in sources.items()}
    assert set(cycle(graph)) == {"a", "b", "c"}
    del graph["c"]
    assert cycle(graph) == []
