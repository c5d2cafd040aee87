"""sherpa-onnx: streaming transducers and CTC models, in child processes."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from offhook.pipeline.asr.engine import AsrCapabilities
from offhook.pipeline.asr.hosted import HostedAsr
from offhook.pipeline.engine_host.pool import HostLimits

ENGINE = "offhook.pipeline.engine_host.sherpa_engine:Sherpa"
LOADING_S = 120.0
DEFAULT_RATE_HZ = 16_000
DEFAULT_MELS = 80
"""Of models whose metadata says nothing: all that are published."""

MAX_METADATA_BYTES = 1 << 20

Decoding = Literal["beam", "greedy"]


@dataclass(frozen=True, slots=True)
class SherpaModel:
    """A model's files. A transducer has an encoder, a decoder and a joiner; a CTC model has one network."""

    tokens: str
    networks: tuple[str, ...]
    kind: str
    """ "transducer", or "zipformer2_ctc", "nemo_ctc", "wenet_ctc"."""
    rate_hz: int
    mels: int
    vocabulary: str | None
    """The file bpe.vocab, if the model comes with one."""


def find_model(folder: Path, *, quantised: bool = True) -> SherpaModel | str:
    """The model in a folder, or what is missing. `quantised`: 8-bit networks are preferred. Raises OSError."""
    if not (folder / "tokens.txt").is_file():
        return "tokens.txt"
    parts = [_network(folder, part, quantised and part != "decoder") for part in ("encoder", "decoder", "joiner")]
    if all(parts):
        networks, kind = [str(part) for part in parts], "transducer"
    elif any(parts):
        return "one of encoder*.onnx, decoder*.onnx, joiner*.onnx"
    else:
        alone = _network(folder, "", quantised)
        if alone is None:
            return "*.onnx"
        networks, kind = [str(alone)], _ctc_kind(metadata(alone))
    about = metadata(Path(networks[0]))
    vocabulary = folder / "bpe.vocab"
    return SherpaModel(
        str(folder / "tokens.txt"),
        tuple(networks),
        kind,
        _number(about.get("sample_rate"), DEFAULT_RATE_HZ),
        _number(about.get("feature_dim"), DEFAULT_MELS),
        str(vocabulary) if vocabulary.is_file() else None,
    )


def _network(folder: Path, part: str, quantised: bool) -> Path | None:
    found = sorted(folder.glob(f"{part}*.onnx"))
    small = [path for path in found if path.name.endswith(".int8.onnx")]
    full = [path for path in found if path not in small]
    return next(iter(small + full if quantised else full + small), None)


def _ctc_kind(about: dict[str, str]) -> str:
    kind = about.get("model_type", "").lower()
    if "zipformer" in kind:
        return "zipformer2_ctc"
    return "nemo_ctc" if kind.startswith("encdec") or "nemo" in about.get("comment", "").lower() else "wenet_ctc"


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else default


def metadata(path: Path) -> dict[str, str]:
    """The metadata of an ONNX file, without reading its weights. Empty for what is not one. Raises OSError."""
    # A protocol buffer: field 14 of ModelProto is a StringStringEntryProto with key (1) and value (2).
    with path.open("rb") as file:
        return {
            _text(entry.get(1, b"")): _text(entry.get(2, b""))
            for number, content in _fields(file, path.stat().st_size)
            if number == 14
            for entry in (_entry(content),)
        }


def _fields(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """The short fields with a length; longer ones, which are the weights, are passed over."""
    while file.tell() < end:
        key = _varint(file)
        kind = key & 7
        if kind == 0:
            _varint(file)
        elif kind in (1, 5):
            file.seek(8 if kind == 1 else 4, 1)
        elif kind == 2:
            size = _varint(file)
            if size > MAX_METADATA_BYTES:
                file.seek(size, 1)
            else:
                yield key >> 3, file.read(size)
        else:
            return  # not a protocol buffer


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while byte := file.read(1):
        value |= (byte[0] & 127) << shift
        if byte[0] < 128 or shift > 63:
            break
        shift += 7
    return value


def _entry(content: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 2 <= len(content):
        number, size = content[at] >> 3, content[at + 1]
        at += 2
        if size > 127 and at < len(content):  # a length of two bytes; metadata is shorter than what three would say
            size = (size & 127) | content[at] << 7
            at += 1
        found[number] = content[at : at + size]
        at += size
    return found


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class SherpaOptions:
    """How a model is run. `beam` searches with four hypotheses and prefers a question's phrases by `phrase_score`;
    CTC models are always greedy. An engine that `ends_turns` reports the end after `silence_s` behind words."""

    decoding: Decoding = "beam"
    phrase_score: float = 1.5
    ends_turns: bool = False
    silence_s: float = 0.8


class SherpaEngine(HostedAsr):
    """`AsrEngine` over `workers` children, each with the model and up to `streams` turns at a time.

    It recognises free speech; a question's phrases are preferred. Words have times, and probabilities as confidences,
    which the transcript has none of: they are not calibrated.
    """

    def __init__(
        self,
        name: str,
        model: SherpaModel,
        options: SherpaOptions,
        *,
        languages: tuple[str, ...] = (),
        streams: int = 16,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        capabilities = AsrCapabilities(
            model.rate_hz,
            grammar=False,
            free_speech=True,
            partials=True,
            word_times=True,
            ends_turns=options.ends_turns,
            languages=languages,
            forces="grammar",
        )
        super().__init__(
            name,
            ENGINE,
            capabilities,
            options={"model": asdict(model), "settings": asdict(options)},
            workers=workers,
            limits=limits or HostLimits(start_s=LOADING_S, max_streams=streams),
        )
