"""What was heard, in words: the configured recogniser, without a grammar."""

from typing import Self

from offhook.engines.registry import make_asr
from offhook.pipeline.asr.adapt import adapt
from offhook.pipeline.asr.engine import AsrRequest
from offhook.pipeline.rates import WIDE_HZ
from offhook.settings.config import Config
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.pcm import silence
from offhook.telephony.resample import Resampler, Upsampler

PADDING = silence(2_400)
"""Before and after the speech: recognisers expect a pause there."""


class Recogniser:
    """One for all calls of a run: `async with`. Raises EngineError, UserError."""

    def __init__(self, config: Config) -> None:
        name = str(config.asr.engine)
        self._engine = adapt(name, make_asr(config), Resampler, {"PCMU": PCMU.encode, "PCMA": PCMA.encode})
        self._language = config.dialog.language

    async def __aenter__(self) -> Self:
        await self._engine.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.close()

    async def text(self, pcm: bytes) -> str:
        """The words in 16-bit PCM at 8 kHz; "" if there are none."""
        stream = self._engine.open(AsrRequest(), lambda _: None)
        padded = PADDING + pcm + PADDING
        stream.feed(Upsampler().push(padded) if self._engine.capabilities.rate_hz == WIDE_HZ else padded)
        return (await stream.finish()).text
