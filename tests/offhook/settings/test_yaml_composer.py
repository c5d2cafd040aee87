"""The fast loader of YAML and the one in Python read the same, or refuse with the same words at the same place."""

import random
from collections.abc import Callable
from pathlib import Path
from time import process_time

import pytest
import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

import offhook
from offhook.settings.yaml_composer import MAX_DEPTH, composed, composed_by_pyyaml
from tests.offhook.settings.test_flow_size import large_flow

SAMPLES = [each.read_text(encoding="utf-8") for each in sorted(Path(offhook.__file__).parent.rglob("*.yaml"))]
ODD = [
    *"\t\n :-[]{}#&*!|>'\"%@`,?\\\u0085\u2028\ufeff\u00e9\x7f\U0001f600\r\x000a~=<",
    *(
        ": ",
        "- ",
        "--- ",
        "...\n",
        "<<: ",
        "? ",
        "\\x41",
        "\\u12",
        "!!str ",
        "&a ",
        "*a ",
        "|2\n",
        "\r\n",
        "%YAML 1.1\n",
    ),
]


def tree(node: Node | None) -> object:
    """All of a node that files are read by."""
    if node is None:
        return None
    start = (node.start_mark.line, node.start_mark.column)
    if isinstance(node, ScalarNode):
        # Behind a plain text its comment is looked for.
        end = None if node.style else (node.end_mark.line, node.end_mark.column)
        return node.tag, start, end, node.value, node.style
    assert isinstance(node, MappingNode | SequenceNode)
    pairs = node.value if isinstance(node, MappingNode) else [(each,) for each in node.value]
    return type(node), node.tag, start, node.flow_style, [[tree(each) for each in pair] for pair in pairs]


def outcome(text: str, *, fast: bool) -> object:
    try:
        return tree((composed if fast else composed_by_pyyaml)(text))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        return str(error)


def test_samples_are_read_the_same() -> None:
    assert len(SAMPLES) > 10
    for text in (*SAMPLES, large_flow()):
        assert isinstance(read := outcome(text, fast=True), tuple)
        assert read == outcome(text, fast=False)


@pytest.mark.parametrize("seed", range(4))
def test_mistakes_are_read_the_same(seed: int) -> None:
    chosen = random.Random(seed)
    refused = 0
    for _ in range(250):
        text = chosen.choice(SAMPLES)
        start = chosen.randrange(len(text))
        text = text[start : start + 300] if chosen.random() < 0.5 else text[:400]
        for _ in range(chosen.randint(1, 3)):
            at = chosen.randrange(len(text) + 1)
            text = text[:at] + chosen.choice(ODD) + text[at + chosen.randint(0, 1) :]
        read = outcome(text, fast=True)
        refused += isinstance(read, str)
        assert read == outcome(text, fast=False), repr(text)
    assert 50 < refused < 250


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "- " * 5_000 + "a",
        "{a: " * (MAX_DEPTH + 1),
        "a: [one? two]",
        "a: {b: why?}",
        "a: b\tc",
        "\ufeffa: b",
        "",
        "# nothing",
        "a: 1\n---\nb: 2\n",
        "a: *b",
        '"\\UFFFFFFFF"',
        "%YAML 99999999999999999999.1\n--- a",
        "a: \x00",
        "a: 'b",
    ],
)
def test_odd_texts_are_read_the_same(text: str) -> None:
    assert outcome(text, fast=True) == outcome(text, fast=False)


@pytest.mark.alone
@pytest.mark.skipif(not yaml.__with_libyaml__, reason="this PyYAML was built without libyaml")
def test_the_fast_loader_is_faster() -> None:
    text = large_flow()

    def cost_s(compose: Callable[[str], object]) -> float:
        """The least of five: a collection of garbage may come in any."""
        times = []
        for _ in range(5):
            began = process_time()
            compose(text)
            times.append(process_time() - began)
        return min(times)

    assert cost_s(composed) < cost_s(composed_by_pyyaml) / 2  # a seventh was measured
