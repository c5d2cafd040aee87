"""`SpeechAgent`: a speech-to-speech model that answers the phone."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, NamedTuple

from offhook.agents.agent import check_limits, check_texts, tools_by_name
from offhook.agents.limits import AgentLimits
from offhook.agents.policy import Policy
from offhook.agents.tools import Tool
from offhook.api.agent import Outcome
from offhook.api.call import Call
from offhook.pipeline.events import ANYTHING, Interruption
from offhook.realtime import gemini_live, openai_live, openai_realtime
from offhook.realtime.audio_port import AudioPort, ModelAudio
from offhook.realtime.conversation import Conversation
from offhook.realtime.link import Link, Receiver, Setup, TurnDetection
from offhook.realtime.probe import probe
from offhook.realtime.speech import GREET, Speech
from offhook.usererror import UserError

Provider = Literal["openai-realtime", "openai-live", "gemini-live"]


class _Vendor(NamedTuple):
    open: Callable[[str, str, Setup, AudioPort, Receiver], Link]
    base_url: str
    model: str
    key_variable: str
    audio: ModelAudio
    max_session_s: float
    turn_detection: tuple[TurnDetection, ...] = ("ours", "advise", "vendor")
    tools: bool = True


VENDORS: dict[str, _Vendor] = {
    "openai-realtime": _Vendor(
        openai_realtime.OpenAiRealtime,
        openai_realtime.BASE_URL,
        openai_realtime.DEFAULT_MODEL,
        openai_realtime.KEY_VARIABLE,
        openai_realtime.AUDIO,
        openai_realtime.MAX_SESSION_S,
    ),
    "openai-live": _Vendor(
        openai_live.OpenAiLive,
        openai_live.BASE_URL,
        openai_live.DEFAULT_MODEL,
        openai_realtime.KEY_VARIABLE,
        openai_live.AUDIO,
        openai_live.MAX_SESSION_S,
        ("vendor",),
        tools=False,
    ),
    "gemini-live": _Vendor(
        gemini_live.GeminiLive,
        gemini_live.BASE_URL,
        gemini_live.DEFAULT_MODEL,
        gemini_live.KEY_VARIABLE,
        gemini_live.AUDIO,
        gemini_live.MAX_SESSION_S,
        ("ours", "vendor"),
    ),
}


class SpeechAgent:
    """Talks to every caller with a speech-to-speech model of `provider`.

    The bot's own detector and echo guard decide about turns and interruptions (`turn_detection="ours"`, the
    default where it is possible), with the vendor's opinion about the end of a turn (`"advise"`), or the vendor decides
    (`"vendor"`). What the caller did not hear of a reply is taken out of the model's conversation, by the position of
    the playout.

    `tools`, `transfer_to`, `dtmf` and, of `limits`, those for tools are as in Agent: functions that the model may call,
    and what it may do to the call; it may also hang up.
    `greet` tells it how to begin; "" waits for the caller. `sorry` is said in the bot's own voice if the model fails
    for good. `options` are more fields of the vendor's session. The key is in the environment (`OPENAI_API_KEY`,
    `GEMINI_API_KEY`), or `api_key`. Raises UserError for what can never work; TypeError and ValueError for
    tools, as Agent.
    """

    def __init__(  # noqa: PLR0913  # each is a property of the agent
        self,
        provider: Provider = "openai-realtime",
        *,
        model: str | None = None,
        instructions: str = "",
        voice: str | None = None,
        tools: Iterable[Tool | Callable[..., Any]] = (),
        transfer_to: Mapping[str, str] | None = None,
        dtmf: bool = False,
        limits: AgentLimits | None = None,
        turn_detection: TurnDetection | None = None,
        interruption: Interruption = ANYTHING,
        language: str = "",
        greet: str = GREET,
        sorry: str = "I am sorry, something is wrong here. Please call again later.",
        base_url: str | None = None,
        api_key: str | None = None,
        options: Mapping[str, object] | None = None,
        max_session_s: float | None = None,
        reply_within_s: float = 4.0,
    ) -> None:
        check_texts(instructions=instructions, voice=voice, language=language, greet=greet, sorry=sorry, model=model)
        check_limits(limits)
        vendor = _vendor(provider)
        turn_detection = turn_detection or vendor.turn_detection[0]
        if turn_detection not in vendor.turn_detection:
            raise UserError(
                "the agent cannot be made",
                f"{provider} has no turn detection {turn_detection!r}",
                "one of " + ", ".join(vendor.turn_detection),
            )
        made = tools_by_name(tools)
        if (made or transfer_to or dtmf) and not vendor.tools:
            raise UserError(
                "the agent cannot be made",
                f"{provider} has no tools",
                "leave out tools, transfer_to and dtmf, or another provider",
            )
        if interruption.min_words:
            raise UserError(
                "the agent cannot be made",
                "a speech-to-speech model has no words before the turn is over, so `min_words` never comes",
                "Interruption(min_ms=…)",
            )
        key = api_key or os.environ.get(vendor.key_variable, "")
        if not key:
            raise UserError(
                "the agent cannot be made",
                f"{provider} needs a key, and {vendor.key_variable} is not set",
                f"export {vendor.key_variable}=…",
            )
        setup = Setup(model or vendor.model, instructions, voice, (), turn_detection, language, options=options)
        self._speech = Speech(
            provider,
            partial(vendor.open, base_url or vendor.base_url, key),
            vendor.audio,
            setup,
            made,
            Policy(transfer_to or {}, {}, dtmf=dtmf) if vendor.tools else None,
            limits or AgentLimits(),
            interruption,
            greet,
            sorry,
            vendor.max_session_s if max_session_s is None else max_session_s,
            reply_within_s,
            full_duplex=not vendor.tools,
        )

    @property
    def name(self) -> str:
        """Provider and model."""
        return f"{self._speech.name}/{self._speech.setup.model}"

    async def probe(self) -> None:
        """Open a session, in which nothing is said, and close it. Raises EngineError."""
        await probe(self._speech)

    async def run(self, call: Call) -> Outcome:
        """See offhook.api.agent."""
        return await Conversation(call, self._speech).run()


def speech_agent(options: Mapping[str, object]) -> SpeechAgent:
    """The agent that a file describes: the arguments of SpeechAgent by name. Raises UserError."""
    known = SpeechAgent.__init__.__kwdefaults__ or {}
    unknown = sorted(set(options) - {"provider", *known})
    if unknown:
        raise UserError(
            "the agent cannot be made", f"there is no option {unknown[0]!r}", f"one of provider, {', '.join(known)}"
        )
    return SpeechAgent(**options)  # type: ignore[arg-type]  # judged by SpeechAgent


def _vendor(provider: str) -> _Vendor:
    if provider not in VENDORS:
        raise UserError(
            "the agent cannot be made", f"there is no provider {provider!r}", f"one of {', '.join(VENDORS)}"
        )
    return VENDORS[provider]
