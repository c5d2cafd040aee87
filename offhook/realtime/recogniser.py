"""The model as the call's recogniser: the floor decides what is a turn, and the model gets its audio."""

from typing import Protocol

from offhook.pipeline.asr.engine import AsrCapabilities, AsrRequest, OnEndpoint, OnPartial, Transcript


class TakesTurns(Protocol):
    """The conversation, for turns of the caller."""

    def turn_began(self, on_endpoint: OnEndpoint | None) -> None:
        """A turn begins; `on_endpoint` takes the vendor's opinion about its end."""

    def turn_audio(self, pcm: bytes) -> None:
        """Its next audio."""

    def turn_over(self) -> None:
        """It is over, and is to be answered."""

    def turn_dropped(self) -> None:
        """It came to nothing."""


class ModelRecogniser:
    """An AsrEngine whose transcripts come later, see Session.transcribed: the model answers the sound."""

    def __init__(self, conversation: TakesTurns, rate_hz: int, *, advised: bool) -> None:
        # Never forced: to ask for the result is to have the model answer.
        self.capabilities = AsrCapabilities(
            rate_hz, grammar=False, free_speech=True, partials=False, ends_turns=advised, forces="never"
        )
        self._conversation = conversation

    async def start(self) -> None:
        """See AsrEngine."""

    async def close(self) -> None:
        """See AsrEngine."""

    def open(self, _request: AsrRequest, _on_partial: OnPartial, on_endpoint: OnEndpoint | None = None) -> "_Turn":
        """See EndpointingAsrEngine."""
        self._conversation.turn_began(on_endpoint)
        return _Turn(self._conversation)


class _Turn:
    def __init__(self, conversation: TakesTurns) -> None:
        self._conversation = conversation
        self.feed = conversation.turn_audio

    async def finish(self) -> Transcript:
        """See AsrStream."""
        self._conversation.turn_over()
        return Transcript("", is_final=False)

    def cancel(self) -> None:
        """See AsrStream."""
        self._conversation.turn_dropped()
