"""Vosk: a recogniser with models for many languages, in child processes."""

import re
from functools import cached_property
from pathlib import Path

from offhook.pipeline.asr.engine import AsrCapabilities
from offhook.pipeline.asr.hosted import HostedAsr
from offhook.pipeline.engine_host.pool import HostLimits
from offhook.pipeline.errors import EngineError

ENGINE = "offhook.pipeline.engine_host.vosk_engine:Vosk"
UNKNOWN = "[unk]"
"""Vosk's word for speech that is none of the others. Few models lack it; with them a grammar always finds something."""

LOADING_S = 120.0
"""A large model, from a slow disk."""

DEFAULT_RATE_HZ = 16_000
"""Kaldi's, of features whose configuration names no rate."""

_RATE = re.compile(r"^\s*--sample-frequency=(\d+)", re.MULTILINE)


class VoskModel:
    """A model's folder, in either of the layouts that Vosk reads: with subfolders, or flat."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        flat = not (folder / "am" / "final.mdl").is_file()
        self._conf = folder if flat else folder / "conf"
        self._graph = folder if flat else folder / "graph"
        self._network = folder / "final.mdl" if flat else folder / "am" / "final.mdl"

    def missing(self) -> str | None:
        """A file that the model lacks, None if it is complete as far as one can see."""
        if not self._network.is_file():
            return "am/final.mdl"
        if not any((self._conf / name).is_file() for name in ("mfcc.conf", "fbank.conf")):
            return "conf/mfcc.conf"
        if not (self.takes_grammars or self._fixed.is_file()):
            return "graph/HCLG.fst, or graph/HCLr.fst with Gr.fst"
        return None

    @property
    def rate_hz(self) -> int:
        """The rate that the model was trained at. Raises OSError."""
        found = [path for path in (self._conf / "mfcc.conf", self._conf / "fbank.conf") if path.is_file()]
        match = _RATE.search(found[0].read_text(encoding="utf-8", errors="replace")) if found else None
        return int(match[1]) if match else DEFAULT_RATE_HZ

    @property
    def takes_grammars(self) -> bool:
        """Whether grammars can be given at run time: its graph is in two parts, which Vosk joins for each question."""
        parts = (self._graph / "HCLr.fst", self._graph / "Gr.fst")
        return not self._fixed.is_file() and all(path.is_file() for path in parts)

    def known_word(self, word: str) -> bool:
        """Whether the model has the word, in lower case; True if it does not say. Raises EngineError."""
        if not word.strip() or any(character.isspace() for character in word):
            return False
        listed, name = self._vocabulary, word.encode()
        if listed is None:
            return True
        # A list has lines; OpenFst's table of symbols has each with its length before it.
        is_text, content = listed
        return (b"\n" + name + b" " if is_text else len(name).to_bytes(4, "little") + name) in content

    @property
    def _fixed(self) -> Path:
        return self._graph / "HCLG.fst"

    @cached_property
    def _vocabulary(self) -> tuple[bool, bytes] | None:
        words, language = self._graph / "words.txt", self._graph / "Gr.fst"
        try:
            if words.is_file():
                return True, b"\n" + words.read_bytes()
            return (False, language.read_bytes()) if language.is_file() else None
        except OSError as error:
            raise EngineError("vosk", "reading the vocabulary", str(error)) from error


class VoskEngine(HostedAsr):
    """`AsrEngine` over `workers` children, each with the model and up to `streams` turns at a time.

    With a grammar, the transcript is one of its sentences without words of courtesy around it, and its confidence is
    that of its weakest word. Anything else has confidence 0, and as text the words of the grammar that were in it.
    """

    def __init__(
        self,
        name: str,
        model: VoskModel,
        *,
        grammars: bool = True,
        languages: tuple[str, ...] = (),
        ends_turns: bool = False,
        streams: int = 16,
        workers: int = 1,
        limits: HostLimits | None = None,
    ) -> None:
        capabilities = AsrCapabilities(
            model.rate_hz,
            grammar=grammars and model.takes_grammars,
            free_speech=True,
            partials=True,
            word_times=True,
            confidence=True,
            ends_turns=ends_turns,
            languages=languages,
            forces="grammar",
        )
        super().__init__(
            name,
            ENGINE,
            capabilities,
            options={"model": str(model.folder), "rate_hz": model.rate_hz, "language": (languages or ("en",))[0]},
            workers=workers,
            limits=limits or HostLimits(start_s=LOADING_S, max_streams=streams),
        )
        self.lacks_grammars = grammars and not model.takes_grammars
        """The model's graph is fixed, and nobody has asked for free speech."""
        self._model = model

    def known_word(self, word: str) -> bool:
        """Whether a grammar may use the word. Raises EngineError."""
        return self._model.known_word(word)
