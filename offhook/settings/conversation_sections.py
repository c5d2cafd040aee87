"""The sections of the settings about what a conversation is made of: detector, turns, engines, models, dialog.

See `sections` for the others, and for what the text below a key is.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from offhook.settings.section import EngineSection, Section
from offhook.settings.values import (
    Endpoint,
    EngineName,
    EngineNames,
    LanguageTag,
    MatcherName,
)


class VadConfig(EngineSection):
    """Voice activity detection. Thresholds are probabilities of speech."""

    engine: EngineName = "silero"
    """The detector: `silero` (a neural network), `energy` (level only), or one from a package."""

    start_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Speech starts at this probability."""

    barge_in_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """This probability pauses the bot while it speaks; it resumes if no speech follows."""

    stop_threshold: Annotated[float, Field(gt=0, lt=1)] = 0.35
    """Speech stops below this probability."""

    min_speech_ms: Annotated[int, Field(ge=0, le=1_000)] = 160
    """How long speech must last to interrupt the bot; shorter sounds only pause it."""

    @field_validator("stop_threshold")
    @classmethod
    def _not_above_start(cls, stop: float, info: ValidationInfo) -> float:
        start = info.data.get("start_threshold", 1)
        if stop > start:
            why = "it must not be above `start_threshold`, which is {example}"
            raise PydanticCustomError("above", why, {"example": start})
        return stop


class AudioConfig(Section):
    """Processing of the caller's audio before the detector."""

    echo_guard: bool = True
    """Keep the bot's own echo, and DTMF tones, from interrupting it. Takes a quarter more CPU for each call."""

    echo_guard_max_calls: Annotated[int, Field(ge=0)] = 100
    """At this many calls a worker takes new ones without the echo guard."""

    processor: Literal["none", "webrtc"] = "none"
    """`webrtc` adds WebRTC's echo cancellation, noise suppression and gain control to the echo guard; it needs the
    extra `apm`."""


class TurnConfig(Section):
    """Timing of turns."""

    silence_ms: Annotated[int, Field(ge=100, le=5_000)] = 500
    """The pause that ends a caller's turn."""

    no_input_ms: Annotated[int, Field(ge=500, le=120_000)] = 5_000
    """The silence after a question that counts as no input."""

    resume_after_ms: Annotated[int, Field(ge=0, le=5_000)] = 150
    """The silence after a sound that was not speech, before a paused prompt resumes."""

    max_turn_ms: Annotated[int, Field(ge=1_000, le=300_000)] = 30_000
    """The longest turn of a caller; after that it counts as over."""

    max_wait_ms: Annotated[int, Field(ge=0, le=60_000)] = 5_000
    """How long the bot waits for a caller who is already talking, before it talks over them."""

    filler_ms: Annotated[int, Field(ge=0, le=60_000)] = 1_200
    """The silence after which the bot says "One moment, please." when the recogniser, the voice or an agent keeps the
    caller waiting. 0: never."""

    fallback_ms: Annotated[int, Field(ge=500, le=60_000)] = 4_000
    """The silence after which it apologises, and gives up what stalls."""

    fillers: Annotated[dict[str, str], Field(examples=[{"en": "Let me see."}])] = Field(default_factory=dict)
    """What it says in place of "One moment, please.", by language: `{ en = "Let me see." }`."""

    ignore_back_channels: bool = True
    """While a bot that listens all the time (`call.expect`) speaks, "mm-hm" and "okay" do not interrupt it."""

    endpoint: Endpoint = "answer"
    """The policy that ends turns: `answer` (at once after a whole answer, later after half of one), `silence`, or your
    own as `module:function` (docs/agents.md)."""

    min_silence_ms: Annotated[int, Field(ge=0, le=5_000)] = 100
    """With `answer`: the pause that ends a turn whose words are a whole answer. The detector needs about 100 ms to find
    one, and the recogniser some more."""

    max_silence_ms: Annotated[int, Field(ge=100, le=10_000)] = 1_800
    """With `answer`: the pause that ends a turn whose words are the beginning of an answer, such as three of four
    digits; and the longest that a caller's own pauses lead to."""

    adviser: Literal["none", "smart-turn"] = "none"
    """With `answer`: a network that hears whether a turn is over, and shortens or lengthens the pause when it is sure.
    `smart-turn` takes 40 ms of a core at each pause (docs/agents.md)."""

    adviser_model: Annotated[str, Field(max_length=1_000)] = ""
    """The adviser's ONNX file, or a model of `offhook models` by its name; without it the one that was added, or that
    of an installed pipecat-ai package."""

    likely_ms: Annotated[int | None, Field(ge=0, le=5_000, examples=[300])] = None
    """The silence after which a turn is reported as likely over, so that a reply can be prepared. 0: never; without it
    200 where a language model answers, and never elsewhere."""


class AsrConfig(EngineSection):
    """The recogniser."""

    engine: EngineNames = "pocketsphinx"
    """`pocketsphinx` (embedded; the extra `local`), `vosk`, `sherpa`, `whisper` (extras of their names, and a model),
    `amazon`, `assemblyai`, `azure`, `cartesia`, `deepgram`, `elevenlabs`, `google` or `openai` (hosted), `fixed` (for
    benchmarks), or one from a package. A list is a chain: the next one gets the turn when one fails or is silent
    (docs/engines.md)."""

    allowance_ms: Annotated[int, Field(ge=0, le=60_000)] = 500
    """In a chain: how long a recogniser may take after the end of a turn before the next one starts beside it."""

    stall_ms: Annotated[int, Field(ge=0, le=60_000)] = 2_000
    """In a chain: how long a recogniser that reports partials may report none while the caller speaks."""

    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Recogniser processes; 0 is one for every two cores."""

    timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """How long the result may take after the end of a turn."""

    correct_within_ms: Annotated[int, Field(ge=0, le=10_000)] = 1_500
    """A hosted recogniser's final that comes so long after an answer that was made without it corrects the answer; 0:
    it is ignored."""

    min_confidence: Annotated[float, Field(ge=0, le=1)] = 0.5
    """An answer below it is a no-match, for questions with choices, digits or a value; 0 accepts everything. A question
    may set its own, and so may a recogniser, below `[asr.NAME]`."""

    confirm_below: Annotated[float, Field(ge=0, le=1)] = 0.6
    """An answer below it is asked back ("Did you say sales?"), for questions with choices or a value; 0: never. A
    question may set its own, and so may a recogniser, below `[asr.NAME]`."""


class TtsConfig(EngineSection):
    """The voice."""

    engine: EngineNames = "auto"
    """`auto`: hibari for English, espeak for other languages (both in the extra `local`); or `hibari`, `espeak`,
    `piper`, `kokoro`, `coqui`, `amazon`, `azure`, `cartesia`, `deepgram`, `elevenlabs`, `google` or `openai` (hosted),
    `recorded` (for benchmarks), or one from a package. A list is a chain: the next one speaks, or goes on, when one
    fails or is silent (docs/engines.md)."""

    allowance_ms: Annotated[int, Field(ge=0, le=60_000)] = 400
    """In a chain: how long a voice may give no audio before the next one starts beside it."""

    voice: Annotated[str | None, Field(min_length=1, max_length=200, examples=["en-us"])] = None
    """The engine's name for the voice that speaks `dialog.language`; `offhook voices` lists them. Without it, the
    engine's own. Numbers, dates and abbreviations are read in the voice's language."""

    rate_wpm: Annotated[int, Field(ge=80, le=450)] = 165
    """Words a minute. 165 is the pace of a voice that has one of its own."""

    cache_mib: Annotated[int, Field(ge=0, le=4_096)] = 32
    """The cache of synthesised speech, in MiB for all workers together."""


class LlmConfig(EngineSection):
    """The language model of agents (docs/agents.md). `[llm.NAME]` has `provider`, `model` and `base_url`."""

    engine: EngineNames = "openai"
    """A name, whose table says which model it is. A list is a chain: the next one is asked as well when one fails or is
    late, and the first token wins."""

    first_token_s: Annotated[float, Field(gt=0, le=60)] = 1.5
    """In a chain: how long a model may give nothing before the next one is asked beside it."""

    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long a reply may take to begin, with all models of the chain."""

    stall_s: Annotated[float, Field(gt=0, le=300)] = 5.0
    """How long a reply may pause before it counts as failed."""


class ModelsConfig(Section):
    """Models of local engines (`offhook models`)."""

    dir: Annotated[Path | None, Field(examples=["/var/lib/offhook/models"])] = None
    """The folder that they are kept in; `offhook/models` in the user's data folder (`$XDG_DATA_HOME`) if it is not
    set."""

    mirror: Annotated[
        str | None, Field(min_length=1, max_length=2_000, examples=["https://mirror.example.com/models"])
    ] = None
    """Where `offhook models add` fetches the files of its list instead of their own sources: a URL or a folder."""


class DialogConfig(Section):
    """The dialog for calls that no route (`[[routes]]`) matches."""

    flow: Annotated[Path | None, Field(examples=["flow.yaml"])] = None
    """A flow file (docs/flows.md); without one the sample flow."""

    agent: Annotated[Path | None, Field(examples=["agent.yaml"])] = None
    """An agent's file (docs/agents.md): a language model answers, in place of a flow."""

    flow_functions: bool = True
    """Whether steps of flows may call Python (`python: module:function`, docs/flows.md)."""

    language: LanguageTag = "en"
    """The language of the calls, a BCP 47 tag such as `en`, `en-GB` or `de`; a route, a flow or the dialog may set
    another. Engines that do not know it are refused."""

    matcher: Annotated[MatcherName | None, Field(examples=["mybot:matcher"])] = None
    """Your own matcher, such as a language model, as `module:function`: it is asked what a caller meant whose words fit
    no choice (docs/agents.md)."""

    matcher_timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    """How long the matcher may take; after that the answer is a no-match."""
