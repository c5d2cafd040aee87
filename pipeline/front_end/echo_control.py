"""The seam for echo control: what the audio front end needs of whatever keeps the bot from hearing itself."""

from typing import Protocol


class EchoControl(Protocol):
    """One call's echo control. Positions are samples of the caller's audio, at 8 kHz; times are monotonic seconds."""

    @property
    def knows_path(self) -> bool:
        """Whether an echo has been found on this line and is being subtracted."""
        ...

    def sent(self, payload: bytes, at_s: float, *, first: bool = False) -> None:
        """The bot began to send this payload at `at_s`. `first`: a pause of any length precedes it."""
        ...

    def sent_pcm(self, start: int, stop: int) -> bytes:
        """16-bit PCM that the bot sent while these samples were received, silence where it sent nothing."""
        ...

    def on_audio(self, pcm: bytes, at_tick: int, at_s: float) -> bytes:
        """The caller's next 16-bit PCM, from `at_tick` until `at_s`. Returns as much, without known echo."""
        ...

    def score(self, probability: float, end: int, *, in_speech: bool) -> float:
        """The probability that the frame up to sample `end` holds the caller's speech, given the detector's.

        Called only for frames that the gate would count as speech. `in_speech`: the gate is open already.
        """
        ...
