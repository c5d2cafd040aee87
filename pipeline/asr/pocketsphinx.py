"""The recogniser that comes with its model: pocketsphinx, in child processes because it holds the GIL."""

from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, AsrStream
from offhook.pipeline.asr.hosted import open_turn
from offhook.pipeline.engine_host.pool import HostLimits, HostPool
from offhook.pipeline.errors import EngineError

NAME = "pocketsphinx"
HOST = "offhook.pipeline.engine_host.pocketsphinx_engine:HostedPocketsphinx"
RATE_HZ = 16_000
HINT = "Type: pip install 'offhook[local]'"
MAX_TURNS = 40
"""Concurrent turns of a child: with so many callers who talk at once, 95 % of the results come within 16 ms."""


class PocketsphinxEngine:
    """`AsrEngine` over `workers` children, each with up to MAX_TURNS turns at a time.

    `decoders` of them (in free speech three) are recognised while the caller speaks; further ones have no partials, in
    free speech they wait.

    The model is US English, adapted to phone speech. With a grammar, a network of phones takes part in the decision
    (`asr.phone_check`): the transcript is a sentence of the grammar, without words of courtesy around it, and the
    confidence says whether that was said; of speech outside the grammar, about 5 % gets 0.5 or more. In free speech the
    confidence is None. `free_speech` false saves 100 MB per child.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        decoders: int = 8,
        free_speech: bool = True,
        limits: HostLimits | None = None,
    ) -> None:
        self.capabilities = AsrCapabilities(
            RATE_HZ,
            grammar=True,
            free_speech=free_speech,
            partials=True,
            word_times=True,
            confidence=True,
            languages=("en",),
            forces="grammar",
        )
        options = {"decoders": decoders, "free_speech": free_speech}
        limits = limits or HostLimits(max_streams=max(MAX_TURNS, decoders))
        self._pool = HostPool(HOST, workers, name=NAME, options=options, limits=limits)

    async def start(self) -> None:
        """Start the children and load the models. Raises EngineError if pocketsphinx is not installed."""
        if find_spec("pocketsphinx") is None:
            raise EngineError(NAME, "starting", "the package is not installed", HINT)
        await self._pool.start()

    async def close(self) -> None:
        """End the children; streams in progress fail. Idempotent."""
        await self._pool.close()

    def open(self, request: AsrRequest, on_partial: Callable[[str], None]) -> AsrStream:
        """Begin a turn. Raises EngineError if no child has room. `finish` raises if the grammar is rejected."""
        if request.grammar is None and not self.capabilities.free_speech:
            raise EngineError(NAME, "opening a stream", "free speech is switched off")
        return open_turn(self._pool, NAME, request, on_partial)

    def known_word(self, word: str) -> bool:
        """Whether a grammar may use the word. Raises EngineError if the dictionary cannot be read."""
        entry = f"\n{word.lower()} ".encode()
        return bool(word.strip()) and not any(c.isspace() for c in word) and entry in self._dictionary

    name = NAME

    @property
    def restarts(self) -> int:
        """Children that died or hung and were replaced."""
        return self._pool.counters.restarts

    def dump(self) -> dict[str, object]:
        """State of the children."""
        return self._pool.dump()

    @cached_property
    def _dictionary(self) -> bytes:
        try:
            import pocketsphinx  # noqa: PLC0415 - an extra, and only this needs it in this process

            path = Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict"
            return b"\n" + path.read_bytes()
        except (ImportError, OSError) as error:
            raise EngineError(NAME, "reading the dictionary", str(error), HINT) from error
