"""Messages of Gemini's Live API. Pure.

Written after the types of Google's client (google-genai) and "Live API" of its reference.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from offhook.api.turns import Said
from offhook.llm.model import ToolSpec
from offhook.realtime.link import Setup
from offhook.realtime.openai_wire import merged

Fields = dict[str, Any]

IN_HZ = 16_000
OUT_HZ = 24_000


def message(**fields: object) -> str:
    """A client message."""
    return json.dumps(fields, ensure_ascii=False)


def fields_of(data: str | bytes) -> Mapping[str, Any]:
    """A server message, which may be text or binary; empty for what is not a JSON object."""
    try:
        fields = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def setup(about: Setup, handle: str) -> str:
    """The first message. `handle`, if there is one, resumes an earlier session."""
    generation: Fields = {"responseModalities": ["AUDIO"]}
    speech: Fields = {}
    if about.voice:
        speech["voiceConfig"] = {"prebuiltVoiceConfig": {"voiceName": about.voice}}
    if about.language and "-" in about.language:
        speech["languageCode"] = about.language
    if speech:
        generation["speechConfig"] = speech
    fields: Fields = {
        "model": about.model if "/" in about.model else f"models/{about.model}",
        "generationConfig": generation,
        "realtimeInputConfig": {"automaticActivityDetection": {"disabled": about.turn_detection == "ours"}},
        "sessionResumption": {"handle": handle} if handle else {},
        "contextWindowCompression": {"slidingWindow": {}},
        "inputAudioTranscription": {},
        "outputAudioTranscription": {},
    }
    if about.instructions:
        fields["systemInstruction"] = {"parts": [{"text": about.instructions}]}
    if about.tools:
        fields["tools"] = [{"functionDeclarations": [function(spec) for spec in about.tools]}]
    return message(setup=merged(fields, about.options or {}))


def function(spec: ToolSpec) -> Fields:
    """A function."""
    about = {"name": spec.name, "description": spec.description}
    return about | {"parametersJsonSchema": dict(spec.parameters)}


def audio(pcm: bytes) -> str:
    """More of the caller's audio."""
    blob = {"mimeType": f"audio/pcm;rate={IN_HZ}", "data": b64encode(pcm).decode()}
    return message(realtimeInput={"audio": blob})


def activity(edge: str) -> str:
    """The caller's turn: `activityStart` or `activityEnd`."""
    return message(realtimeInput={edge: {}})


def texts(lines: Sequence[Said], *, answer: bool) -> str:
    """Something that was said, or is said in writing; `answer`: the model is to answer it."""
    roles = {"bot": "model", "caller": "user"}
    turns = [{"role": roles[line.who], "parts": [{"text": line.text}]} for line in lines]
    return message(clientContent={"turns": turns, "turnComplete": answer})


def tool_output(call_id: str, name: str, output: str) -> str:
    """What a function returned."""
    response = {"id": call_id, "name": name, "response": {"output": output}}
    return message(toolResponse={"functionResponses": [response]})
