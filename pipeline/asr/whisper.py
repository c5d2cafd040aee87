"""The local recogniser of free speech: Whisper models in CTranslate2's format, in child processes."""

import json
import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, AsrStream, OnPartial
from offhook.pipeline.asr.hosted import open_turn
from offhook.pipeline.engine_host.pool import HostLimits, HostPool
from offhook.pipeline.errors import EngineError

NAME = "whisper"
HOST = "offhook.pipeline.engine_host.whisper_engine:HostedWhisper"
RATE_HZ = 16_000
PACKAGES = ("ctranslate2", "tokenizers")
HINT = "Type: pip install 'offhook[whisper]'"

FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json|vocabulary.txt")
"""What a model's folder has."""

LIMITS = HostLimits(start_s=60.0, hung_s=8.0, request_s=8.0, max_streams=16)
"""Large models take long to load, and for each decoding, which cannot be divided."""

MULTILINGUAL_TOKENS = 51_865
"""The vocabulary of the smallest multilingual model; English ones have one token less."""


class WhisperEngine:
    """`AsrEngine` over `workers` children, each with the model in `folder` (as FILES says).

    Transcripts have punctuation and numerals ("Ten of clubs." may be "10 of clubs."), word times and a confidence. A
    turn may be longer than the model's window of `window_s` seconds (15 to 30): it is recognised in pieces. Partial
    results come every half second of new speech while a child has time for it. `language` is spoken where a request
    names none. `threads` are those of one child.
    """

    name = NAME

    def __init__(
        self,
        folder: Path,
        workers: int = 1,
        *,
        language: str = "en",
        window_s: float = 15.0,
        threads: int = 1,
        partials: bool = True,
        word_times: bool = True,
        limits: HostLimits | None = None,
    ) -> None:
        languages = languages_of(folder)
        self.capabilities = AsrCapabilities(
            RATE_HZ,
            grammar=False,
            free_speech=True,
            partials=partials,
            word_times=word_times,
            confidence=True,
            languages=languages,
            forces="always",
            mixes=len(languages) > 1,
        )
        options = {
            "model": str(folder),
            "language": language,
            "window_s": window_s,
            "threads": threads,
            "partials": partials,
            "word_times": word_times,
        }
        self._pool = HostPool(HOST, workers, name=NAME, options=options, limits=limits or LIMITS)

    async def start(self) -> None:
        """Start the children and load the model. Raises EngineError if that fails, or a package is missing."""
        missing = [package for package in PACKAGES if find_spec(package) is None]
        if missing:
            raise EngineError(NAME, "starting", f"{' and '.join(missing)} cannot be imported", HINT)
        await self._pool.start()

    async def close(self) -> None:
        """End the children; streams in progress fail. Idempotent."""
        await self._pool.close()

    def open(self, request: AsrRequest, on_partial: OnPartial) -> AsrStream:
        """Begin a turn. Raises EngineError if no child has room."""
        return open_turn(self._pool, NAME, request, on_partial)

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts

    def dump(self) -> dict[str, object]:
        """State of the children."""
        return self._pool.dump()


@lru_cache(maxsize=8)
def languages_of(folder: Path) -> tuple[str, ...]:
    """The languages of a model, "en" alone for an English one. Raises EngineError if its vocabulary is unreadable."""
    try:
        tokens = _vocabulary(folder)
    except (OSError, ValueError) as error:
        raise EngineError(NAME, "reading the model's vocabulary", str(error), f"Fetch {folder} again.") from error
    if len(tokens) < MULTILINGUAL_TOKENS:
        return ("en",)
    return tuple(found[1] for token in tokens if (found := re.fullmatch(r"<\|([a-z]{2,3})\|>", token)))


def _vocabulary(folder: Path) -> list[str]:
    listed = folder / "vocabulary.json"
    if not listed.is_file():
        return (folder / "vocabulary.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    tokens = json.loads(listed.read_text(encoding="utf-8"))
    if not isinstance(tokens, list):
        raise ValueError(f"{listed} is not a list")
    return [str(token) for token in tokens]
