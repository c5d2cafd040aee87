"""What the calls of tests and of those who type do without: servers that send sound, a folder for messages, secrets."""

from collections.abc import Iterator, Mapping
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


class NoSecrets(Mapping[str, str]):
    """An environment in which each variable is `${NAME}` itself: tests need no keys, and show none."""

    def __getitem__(self, name: str) -> str:
        return f"${{{name}}}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


async def forget(message: Message) -> Path:
    """Keep a message nowhere; returns the file that it would be."""
    return MESSAGE
