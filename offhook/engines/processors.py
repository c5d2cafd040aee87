"""Makes the configured audio processor, `audio.processor`."""

from typing import Literal

from offhook.pipeline.front_end.apm import AudioProcessor, WebrtcProcessor

ProcessorName = Literal["none", "webrtc"]


def make_processor(name: str) -> AudioProcessor | None:
    """A processor for one call; None for "none". Raises EngineError if its package is not installed."""
    return WebrtcProcessor() if name == "webrtc" else None
