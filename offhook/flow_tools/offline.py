"""What the calls of tests and of those who type do without: servers that send sound, a folder for messages."""

from dataclasses import replace
from pathlib import Path

from offhook.api.message import Message
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.steps.play import PlayStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ
from offhook.pipeline.tts.recording import Recording

STREAM_S = 5
"""How long a stream plays."""

MESSAGE = Path("message.wav")

_SILENCE = Recording("stream", {hz: bytes(2 * STREAM_S * hz) for hz in (NARROW_HZ, WIDE_HZ)})


def offline(flow: Flow) -> Flow:
    """The flow, with a short silence in place of each stream."""
    return replace(flow, steps={name: _offline(step) for name, step in flow.steps.items()})


def _offline(step: Step) -> Step:
    if isinstance(step, PlayStep) and step.stream is not None:
        return replace(step, stream=_SILENCE)
    return step


async def forget(message: Message) -> Path:
    """Keep a message nowhere; returns the file that it would be."""
    return MESSAGE
