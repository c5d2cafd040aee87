"""Messages of OpenAI's Realtime API, GA version. Pure.

Written after the types of OpenAI's client and "Realtime API" of its reference.
"""

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from offhook.api.turns import Said
from offhook.llm.model import ToolSpec, Usage
from offhook.realtime.link import Setup

Fields = dict[str, Any]

TRANSCRIPTION_MODEL = "gpt-transcribe"
FORMATS = {"PCMU": "audio/pcmu", "PCMA": "audio/pcma"}


def message(kind: str, **fields: object) -> str:
    """A client event."""
    return json.dumps({"type": kind, **fields}, ensure_ascii=False)


def audio_format(law: str) -> Fields:
    """The format of a G.711 law, or of PCM."""
    return {"type": FORMATS[law]} if law else {"type": "audio/pcm", "rate": 24_000}


def session(setup: Setup, law: str) -> Fields:
    """The session object."""
    format_ = audio_format(law)
    transcription = {"model": TRANSCRIPTION_MODEL}
    if setup.language:
        transcription["language"] = setup.language.partition("-")[0].lower()
    listens: Fields = {"format": format_, "transcription": transcription, "turn_detection": _turn_detection(setup)}
    speaks: Fields = {"format": format_}
    if setup.voice:
        speaks["voice"] = setup.voice
    fields: Fields = {"type": "realtime", "output_modalities": ["audio"], "instructions": setup.instructions}
    fields |= {"audio": {"input": listens, "output": speaks}}
    if setup.tools:
        fields |= {"tools": [tool(each) for each in setup.tools], "tool_choice": "auto"}
    return merged(fields, setup.options or {})


def _turn_detection(setup: Setup) -> Fields | None:
    if setup.turn_detection == "ours":
        return None
    decides = setup.turn_detection == "vendor"
    return {"type": "server_vad", "create_response": decides, "interrupt_response": decides}


def merged(fields: Fields, more: Mapping[str, object]) -> Fields:
    """`fields` with `more`, objects in objects likewise."""
    result = dict(fields)
    for name, value in more.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return result


def tool(spec: ToolSpec) -> Fields:
    """A function."""
    about = {"name": spec.name, "description": spec.description, "parameters": dict(spec.parameters)}
    return {"type": "function", **about}


def usage(response: Mapping[str, Any]) -> Usage:
    """What a response took; zeros where it does not say."""
    fields = response.get("usage") or {}
    counts = (
        fields.get("input_tokens"),
        (fields.get("input_token_details") or {}).get("cached_tokens"),
        fields.get("output_tokens"),
    )
    return Usage(*(each if isinstance(each, int) else 0 for each in counts))


def append(audio: bytes) -> str:
    """More of the caller's audio."""
    return message("input_audio_buffer.append", audio=b64encode(audio).decode())


def said_item(line: Said) -> Fields:
    """Something that was said before, as an item of text."""
    kind, role = ("output_text", "assistant") if line.who == "bot" else ("input_text", "user")
    return {"type": "message", "role": role, "content": [{"type": kind, "text": line.text}]}


def said(line: Said) -> str:
    """The same as a message."""
    return message("conversation.item.create", item=said_item(line))


def tool_output(call_id: str, output: str) -> str:
    """What a tool returned."""
    item = {"type": "function_call_output", "call_id": call_id, "output": output}
    return message("conversation.item.create", item=item)


def truncate(item: str, end_ms: int) -> str:
    """The caller heard so much of an item."""
    return message("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=end_ms)


def delete(item: str) -> str:
    """The caller heard nothing of an item."""
    return message("conversation.item.delete", item_id=item)


def respond(instructions: str, event_id: str) -> str:
    """Ask for a response."""
    more = {"response": {"instructions": instructions}} if instructions else {}
    return message("response.create", event_id=event_id, **more)
