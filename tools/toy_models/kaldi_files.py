"""Writes the files of a Vosk model: Kaldi's text format, graphs by kaldifst, look-ahead by OpenFst's fstconvert.

What Vosk reads is in its src/model.cc. Phones depend on their position in a word (_B, _I, _E, _S), for word times; the
positions of a phone share an output of the network. One state a phone, at 30 ms a frame.
"""

import math
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import kaldifst
import numpy as np

LAYERS = ((-2, -1, 0, 1, 2), (-3, 0, 3), (-3, 0, 3), (-6, 0, 6))
"""Frames that each layer of the network sees."""

HIDDEN = 128
UNKNOWN = "[unk]"

STAY, LEAVE = 0.6, 0.4
SILENCE_COST = 0.7
WORD_COST = 2.5
UNKNOWN_COST = 2.0

GARBAGE = "SPN"
"""The phone of the filler: any speech. What the network says of it is the average of what it says of all phones."""

GARBAGE_BIAS = 5.0
"""Added to that average. More makes the filler win over words."""

GARBAGE_STATES = 5
"""The filler lasts 150 ms or more."""

LOOK_AHEAD = "olabel_lookahead-fst.so"

DISAMBIGUATION = 100_000
"""A transition that does not occur: Vosk wants a list, and this graph needs none."""

_MFCC = """\
--sample-frequency=8000
--use-energy=false
--num-mel-bins=30
--num-ceps=30
--low-freq=100
--high-freq=3700
--dither=0
"""
_DECODING = """\
--min-active=200
--max-active=3000
--beam=13.0
--lattice-beam=6.0
--acoustic-scale=0.5
--frame-subsampling-factor=3
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=1.0
--endpoint.rule4.min-trailing-silence=2.0
"""


@dataclass(frozen=True, slots=True)
class Network:
    """The weights and biases of its layers, and the statistics of features and phones that it was trained with."""

    weights: list[Any]
    biases: list[Any]
    mean: Any
    deviation: Any
    priors: Any


class _Phones:
    """Positions of phones, numbered from 1, and their transitions."""

    def __init__(self, phones: list[str]) -> None:
        self.plain = phones[1:]
        self.names, self.outputs, self.kinds = [phones[0]], [0], ["nonword"]
        positions = {"_B": "begin", "_E": "end", "_I": "internal", "_S": "singleton"}
        for output, phone in enumerate(self.plain, 1):
            for suffix, kind in positions.items():
                self.names.append(phone + suffix)
                self.outputs.append(output)
                self.kinds.append(kind)
        self._numbers = {name: at for at, name in enumerate(self.names, 1)}

    def transition(self, name: str, *, stays: bool) -> int:
        return 2 * self._numbers[name] - (1 if stays else 0)


def write_model(folder: Path, network: Network, phones: list[str], lexicon: list[tuple[str, list[str]]]) -> None:
    """A model in `folder`, with look-ahead graphs; `static/HCLG.fst` is the fixed graph, for graph/ in their place."""
    for name in ("am", "conf", "graph/phones", "static"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    network, positions = with_garbage(network), _Phones([*phones, GARBAGE])
    (folder / "am/final.mdl").write_text(_transitions(positions) + _network(network))
    (folder / "conf/mfcc.conf").write_text(_MFCC)
    (folder / "conf/model.conf").write_text(_DECODING)
    boundaries = (f"{at} {kind}\n" for at, kind in enumerate(positions.kinds, 1))
    (folder / "graph/phones/word_boundary.int").write_text("".join(boundaries))
    (folder / "graph/disambig_tid.int").write_text(f"{DISAMBIGUATION}\n")
    _write_graphs(folder, positions, lexicon)


def with_garbage(network: Network) -> Network:
    """The network with one more output, for GARBAGE."""
    weights, bias = network.weights[-1], network.biases[-1]
    speech = slice(1, None)  # silence is the first
    row, offset = weights[speech].mean(0, keepdims=True), bias[speech].mean(keepdims=True) + GARBAGE_BIAS
    return replace(
        network,
        weights=[*network.weights[:-1], np.concatenate([weights, row])],
        biases=[*network.biases[:-1], np.concatenate([bias, offset])],
        priors=np.append(network.priors, network.priors[speech].mean()),
    )


def _transitions(phones: _Phones) -> str:
    numbers = range(1, len(phones.names) + 1)
    once = f"{math.log(STAY):.6f} {math.log(LEAVE):.6f}"
    return "\n".join(
        [
            "<TransitionModel> ",
            "<Topology> ",
            "<TopologyEntry> ",
            "<ForPhones> ",
            " ".join(map(str, numbers)),
            "</ForPhones> ",
            f"<State> 0 <PdfClass> 0 <Transition> 0 {STAY} <Transition> 1 {LEAVE} </State> ",
            "<State> 1 </State> ",
            "</TopologyEntry> ",
            "</Topology> ",
            f"<Triples> {len(phones.names)} ",
            *(f"{number} 0 {output} " for number, output in zip(numbers, phones.outputs, strict=True)),
            "</Triples> ",
            "<LogProbs> ",
            f" [ 0 {' '.join([once] * len(phones.names))} ]",
            "</LogProbs> ",
            "</TransitionModel> \n",
        ]
    )


def _network(network: Network) -> str:
    """The network in Kaldi's text format, the normalisation of its input folded into the first layer."""
    nodes, components = ["input-node name=input dim=30"], []
    source = "input"
    for at, taps in enumerate(LAYERS):
        name = f"layer{at}"
        spliced = ", ".join(source if tap == 0 else f"Offset({source}, {tap})" for tap in taps)
        nodes.append(f"component-node name={name}.affine component={name}.affine input=Append({spliced})")
        nodes.append(f"component-node name={name}.relu component={name}.relu input={name}.affine")
        # A convolution's weights are (out, in, taps); Append wants the taps side by side.
        weights = np.concatenate([network.weights[at][:, :, tap] for tap in range(len(taps))], 1)
        bias = network.biases[at]
        if at == 0:
            scale = np.tile(1 / network.deviation, len(taps))
            bias = bias - weights @ (np.tile(network.mean, len(taps)) * scale)
            weights = weights * scale
        components += [_affine(f"{name}.affine", weights, bias), _plain(f"{name}.relu", HIDDEN, "RectifiedLinear")]
        source = f"{name}.relu"
    outputs = len(network.biases[-1])
    nodes += [
        f"component-node name=output.affine component=output.affine input={source}",
        "component-node name=output.log-softmax component=output.log-softmax input=output.affine",
        "output-node name=output input=output.log-softmax objective=linear",
    ]
    components += [_affine("output.affine", network.weights[-1][:, :, 0], network.biases[-1])]
    components += [_plain("output.log-softmax", outputs, "LogSoftmax")]
    context = -sum(taps[0] for taps in LAYERS)
    return (
        "<Nnet3> \n"
        + "\n".join(nodes)
        + f"\n\n<NumComponents> {len(components)} \n{''.join(components)}</Nnet3> "
        + f"<LeftContext> {context} <RightContext> {context} <Priors>  [ {_numbers(network.priors)} ]\n"
    )


def _affine(name: str, weights: Any, bias: Any) -> str:
    rows = "\n".join(f"  {_numbers(row)}" for row in weights)
    return (
        f"<ComponentName> {name} <FixedAffineComponent> <LinearParams>  [\n{rows} ]\n"
        f"<BiasParams>  [ {_numbers(bias)} ]\n</FixedAffineComponent> \n"
    )


def _plain(name: str, size: int, kind: str) -> str:
    statistics = "<ValueAvg>  [ ]\n<DerivAvg>  [ ]\n<Count> 0 <OderivRms>  [ ]\n<OderivCount> 0 "
    return f"<ComponentName> {name} <{kind}Component> <Dim> {size} {statistics}</{kind}Component> \n"


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


class _Graph:
    """Arcs in OpenFst's text format; state 0 is start and end."""

    def __init__(self, phones: _Phones) -> None:
        self._phones = phones
        self._states = 1
        self._lines: list[str] = []
        self.chain(0, 0, [phones.names[0]], 0, SILENCE_COST)

    def text(self) -> str:
        return "".join(self._lines) + "0 0.0\n"

    def word(self, number: int, phones: list[str], cost: float) -> None:
        inner = [f"{phone}_I" for phone in phones[1:-1]]
        named = [f"{phones[0]}_S"] if len(phones) == 1 else [f"{phones[0]}_B", *inner, f"{phones[-1]}_E"]
        self.chain(0, 0, named, number, cost)

    def chain(self, source: int, target: int, names: list[str], word: int, cost: float) -> None:
        state = source
        for at, name in enumerate(names):
            following = self._new()
            weight = -math.log(LEAVE) + (cost if at == 0 else 0)
            enter, stay = (self._phones.transition(name, stays=stays) for stays in (False, True))
            self._arc(state, following, enter, word if at == 0 else 0, weight)
            self._arc(following, following, stay, 0, -math.log(STAY))
            state = following
        self._arc(state, target, 0, 0, 0.0)

    def _new(self) -> int:
        self._states += 1
        return self._states - 1

    def _arc(self, source: int, target: int, transition: int, word: int, weight: float) -> None:
        self._lines.append(f"{source} {target} {transition} {word} {weight:.5f}\n")


def _write_graphs(folder: Path, phones: _Phones, lexicon: list[tuple[str, list[str]]]) -> None:
    words = [*dict.fromkeys(word for word, _ in lexicon), UNKNOWN]
    first = {word: at for at, word in enumerate(words, 1)}
    dynamic = _graph(phones, lexicon, first, free=False)
    scratch = folder / "static"
    kaldifst.compile(dynamic, acceptor=False).write(str(scratch / "HCL.fst"))
    convert = ["fstconvert", "--fst_type=olabel_lookahead", f"--save_relabel_opairs={scratch / 'pairs'}"]
    # Debian has the plug-in outside of the linker's path.
    plug_in = next(Path("/usr/lib").glob(f"*/fst/*/{LOOK_AHEAD}"), Path())
    subprocess.run(
        [*convert, str(scratch / "HCL.fst"), str(folder / "graph/HCLr.fst")],
        check=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(plug_in.parent)},
    )
    # Looking ahead needs words numbered in the order of the graph.
    lines = [line.split() for line in (scratch / "pairs").read_text().splitlines()]
    pairs = {int(line[0]): int(line[1]) for line in lines if line}
    numbers = {word: pairs.get(number, number) for word, number in first.items()}
    listed = sorted(numbers.items(), key=lambda each: each[1])
    (folder / "graph/words.txt").write_text("<eps> 0\n" + "".join(f"{word} {number}\n" for word, number in listed))
    costs = {number: UNKNOWN_COST if word == UNKNOWN else WORD_COST for word, number in listed}
    loop = "".join(f"0 0 {number} {number} {cost}\n" for number, cost in sorted(costs.items())) + "0 0.0\n"
    language = kaldifst.compile(loop, acceptor=False)
    kaldifst.arcsort(language, sort_type="ilabel")
    language.write(str(folder / "graph/Gr.fst"))
    kaldifst.compile(_graph(phones, lexicon, numbers, free=True), acceptor=False).write(str(scratch / "HCLG.fst"))
    for name in ("HCL.fst", "pairs"):
        (scratch / name).unlink()


def _graph(phones: _Phones, lexicon: list[tuple[str, list[str]]], numbers: dict[str, int], *, free: bool) -> str:
    """`free`: with the costs of a language model of single words."""
    graph = _Graph(phones)
    for word, spoken in lexicon:
        graph.word(numbers[word], spoken, WORD_COST if free else 0.0)
    graph.word(numbers[UNKNOWN], [GARBAGE] * GARBAGE_STATES, UNKNOWN_COST if free else 0.0)
    return graph.text()
