"""Reads `play`."""

from dataclasses import replace
from functools import partial

from offhook.http_request import AUDIO_TYPES, HttpRequest
from offhook.pipeline.dialog.steps.play import UNTIL, PlayStep
from offhook.pipeline.dialog.steps.step import Step
from offhook.settings.flow_steps.kind import Fields, StepKind
from offhook.settings.flow_steps.reader import StepReader
from offhook.settings.http_requests import read_request, with_variables

_STREAM = ("headers", "allow_private")


def _play(reader: StepReader, name: str, what: str, found: Fields) -> Step | None:
    sound = reader.text(found["play"], f"`play` of {what}")
    stream = None
    if sound is not None and "://" in sound:
        stream = _stream(reader, what, found)
        if stream is None:
            return None
    else:
        for key in _STREAM:
            if key in found:
                why = "it belongs to a stream, `play: https://…`"
                reader.problem(found[key], f"{what} plays a file and has `{key}`", why, "remove it")
        sound = sound and reader.sound(sound)
    until = reader.one_of(found, "until", UNTIL, UNTIL[0])
    loop = reader.optional(reader.truth, found, "loop", what, False)
    for_s = reader.optional(reader.number, found, "for_s", what, None)
    volume_db = reader.optional(reader.number, found, "volume_db", what, 0.0)
    follows = reader.step_name(found["next"], f"`next` of {what}")
    otherwise = reader.step_name(found["otherwise"], f"`otherwise` of {what}") if "otherwise" in found else None
    if sound is None or follows is None:
        return None
    return PlayStep(name, sound, follows, otherwise, loop, for_s, until, volume_db, stream)


def _stream(reader: StepReader, what: str, found: Fields) -> HttpRequest | None:
    request = read_request(reader, found, "play", what, partial(with_variables, reader, environ=reader.environ))
    if request is not None and request.places():
        why = "a stream has the same address in every call"
        reader.problem(found["play"], f"`play` of {what} has a variable", why, "write the address itself")
        return None
    return None if request is None else replace(request, accept=AUDIO_TYPES)


PLAY = StepKind("play", ("loop", "for_s", "until", "volume_db", "next", "otherwise", *_STREAM), _play, ("next",))
