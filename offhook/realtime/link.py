"""The interface between a conversation and one session of a speech-to-speech model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from offhook.api.turns import Said
from offhook.llm.model import ToolSpec, Usage
from offhook.pipeline.errors import EngineError
from offhook.realtime.audio_port import AudioPort

TurnDetection = Literal["ours", "advise", "vendor"]
"""Who ends the caller's turns and interrupts the bot: our detector alone; our detector, with the vendor's opinion about
the end of a turn; or the vendor."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session begins with."""

    model: str
    instructions: str
    voice: str | None
    tools: tuple[ToolSpec, ...]
    turn_detection: TurnDetection
    language: str
    history: tuple[Said, ...] = ()
    """Of the call, before this session."""
    handle: str = ""
    """Of an earlier session, to be resumed."""
    options: Mapping[str, object] | None = None
    """More fields of the vendor's own session object."""


class Receiver(Protocol):
    """The conversation. Called on the event loop's thread; must return at once. Items are named by the vendor's ids."""

    @property
    def behind_ms(self) -> float:
        """How much of the model's audio waits to be sent."""
        ...

    def on_ready(self) -> None:
        """The session is configured."""

    def on_audio(self, item: str, payload: bytes) -> None:
        """More audio of a reply, in the line's encoding."""

    def on_text(self, item: str, delta: str) -> None:
        """More of its transcript."""

    def on_item_over(self, item: str) -> None:
        """The reply is complete, or cut off by the vendor."""

    def on_response_over(self, usage: Usage = ...) -> None:
        """Nothing more comes until the model is asked again; `usage` is what the response took, if the vendor says."""

    def on_response_failed(self, error: EngineError) -> None:
        """The model could not answer; the session goes on."""

    def on_tool_call(self, call_id: str, name: str, arguments: str) -> None:
        """The model calls a tool; `arguments` is JSON as it wrote it."""

    def on_caller_text(self, turn: int, text: str) -> None:
        """What the caller said in their `turn`-th turn of this session, counted from 0."""

    def on_caller_speech(self, speaks: bool) -> None:
        """The vendor's detector: the caller begins to speak, or their turn is over."""

    def on_interrupted(self) -> None:
        """The vendor has cut its reply off."""

    def on_lost(self, error: EngineError) -> None:
        """The session is gone; the last call."""


class Link(Protocol):
    """One session. After `on_lost` or `close` nothing has an effect."""

    replying: bool
    """Whether a response has been asked for and is not over."""

    stalls: bool
    """Whether the vendor is silent where it sends something all the time: nobody else can say that it is their turn."""

    @property
    def handle(self) -> str:
        """To resume the session in another one; "" if it cannot be."""
        ...

    @property
    def age_s(self) -> float:
        """Since it was opened."""
        ...

    def send_audio(self, pcm: bytes) -> None:
        """More of the caller's audio, as the port takes it."""

    def begin_turn(self) -> None:
        """The caller begins to speak: their audio follows."""

    def end_turn(self) -> None:
        """Their turn is over: answer it."""

    def drop_turn(self) -> None:
        """Forget their audio since `begin_turn`."""

    def send_text(self, text: str) -> None:
        """A turn of the caller in writing: answer it."""

    def respond(self, instructions: str = "") -> None:
        """Let the model speak now, or after the response in progress; `instructions` are for this once."""

    def stop(self) -> None:
        """Stop the response in progress."""

    def played(self, item: str, played_ms: int | None, received_ms: int, text: str) -> None:
        """How much of a reply was played to the caller: None for all of it, and `text` of it, perhaps estimated."""

    def tool_result(self, call_id: str, name: str, output: str) -> None:
        """What a tool returned. `respond` is for the caller to ask."""

    def close(self) -> None:
        """End the session. Idempotent."""


OpenLink = Callable[[Setup, AudioPort, Receiver], Link]
"""Opens a session; returns at once, and calls `on_ready` or `on_lost`."""
