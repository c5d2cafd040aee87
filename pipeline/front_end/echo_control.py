"""The interface between the audio front end and echo control."""

from typing import Protocol


class EchoControl(Protocol):
    """Echo control for one call. Positions are samples of the caller's audio, at 8 kHz; times are monotonic seconds."""

    @property
    def knows_path(self) -> bool:
        """Whether an echo has been found on this line and is being subtracted."""
        ...

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        """The bot began to send this payload at `at_s`. `first`: it follows a pause."""
        ...

    def sent_pcm(self, start: int, stop: int) -> bytes:
        """16-bit PCM that the bot sent while these samples were received, silence where it sent nothing."""
        ...

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        """Take the caller's next 16-bit PCM, from `at_tick` until `at_s`; returns the same amount, without known
        echo."""
        ...

    def score(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` is the caller's speech, given the detector's.

        Called only for frames that the gate would count as speech. `in_speech`: the gate is already open.
        """
        ...
