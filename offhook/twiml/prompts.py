"""What Say, Play and Pause are as prompts of a call."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

from offhook.api.playing import FIRST_AUDIO_S
from offhook.api.pressing import press
from offhook.audio_stream import AudioStreamError, stream_pcm
from offhook.http_request import AUDIO_TYPES, HttpRequestError
from offhook.mp3_sound import MP3_WITHIN_S
from offhook.pipeline.dialog.limits import MAX_PAUSE_MS
from offhook.pipeline.dialog.spoken_ssml import parts_of
from offhook.pipeline.dialog.ssml import MarkupError
from offhook.pipeline.events import NOTHING, Interruption, Prompt
from offhook.pipeline.prompt_parts import Part, Recorded, Words, transcript
from offhook.pipeline.prompt_parts import Pause as Silence
from offhook.pipeline.rates import NARROW_HZ, WIDE_HZ
from offhook.pipeline.tts.recording import Recording
from offhook.sound_file import load_sound
from offhook.telephony.codec.convert import rate_converter
from offhook.twiml.errors import HTTP_FAILURE, TwimlError
from offhook.twiml.limits import FETCH_S, MAX_SOUND_S
from offhook.twiml.running import RunningCall
from offhook.twiml.speech import Pause, Play, Say
from offhook.usererror import UserError

MAX_PARTS = 200
"""Of one prompt: what loops within a Gather repeat."""

_OWN_VOICES = ("man", "woman", "alice")
_OWN_PREFIXES = ("Polly.", "Google.")
"""Twilio's names for voices, which no engine here has."""

_PAUSES_S = {"w": 0.5, "W": 1.0}


@dataclass(slots=True)
class Room:
    """What the sounds of one prompt may still have: `seconds`, and `until` when they have to be there, on the loop's
    clock."""

    seconds: float
    until: float

    @classmethod
    def whole(cls) -> "Room":
        """That of a prompt that begins."""
        return cls(MAX_SOUND_S, asyncio.get_running_loop().time() + FETCH_S)


async def heard(running: RunningCall, verb: Say | Play | Pause) -> None:
    """Have the caller hear it, to its end. Raises CallEnded."""
    match verb:
        case Say():
            await say(running, verb)
        case Play():
            await play(running, verb)
        case Pause():
            await pause(running, verb)


async def say(running: RunningCall, verb: Say) -> None:
    """Say a text as often as it wants, to its end. Raises CallEnded."""
    for _ in range(verb.loop):
        parts = parts_of_say(running, verb)
        if not parts:
            return
        await running.call.step(prompt_of(running, parts, (verb,), NOTHING), None)


async def play(running: RunningCall, verb: Play) -> None:
    """Press its keys, or play its sound as often as it wants; one that fails is left out. Raises CallEnded."""
    if verb.digits and (why := await press(running.call, verb.digits, _PAUSES_S)):
        running.report("no keys were sent", why)
    if not verb.url or verb.digits:
        return
    try:
        if verb.loop == 1 and verb.url not in running.recordings:
            await _play_stream(running, verb.url)
            return
        sound = await loaded(running, verb.url, Room.whole())
        for _ in range(verb.loop):
            await running.call.play(sound)
    except TwimlError as error:
        running.report("a sound cannot be played", str(error))


async def _play_stream(running: RunningCall, url: str) -> None:
    """Play what a server sends, from when it begins to come. Raises CallEnded, TwimlError."""
    request, limit = running.client.sound(url, running.url, AUDIO_TYPES), asyncio.timeout(FIRST_AUDIO_S)

    def is_mp3() -> None:
        limit.reschedule((limit.when() or 0.0) + MP3_WITHIN_S)

    async def begun(pcm: AsyncGenerator[bytes, None]) -> bytes:
        async with limit:
            return await anext(pcm, b"")

    async with aclosing(stream_pcm(request, running.call.audio.line_rate_hz, is_mp3)) as pcm:
        try:
            first = await running.waited(begun(pcm))
        except (AudioStreamError, HttpRequestError) as error:
            raise TwimlError(HTTP_FAILURE, str(error)) from error
        except TimeoutError:
            raise TwimlError(HTTP_FAILURE, f"there was no audio for {FIRST_AUDIO_S:g} s") from None
        played = await running.call.play(_behind(first, pcm))
    if played.failed:
        raise TwimlError(HTTP_FAILURE, played.failed)


async def _behind(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in rest:
        yield piece


async def pause(running: RunningCall, verb: Pause) -> None:
    """Wait. Raises CallEnded."""
    await running.call.until_ended(asyncio.sleep(verb.seconds))


async def nested(running: RunningCall, prompts: tuple[Say | Play | Pause, ...]) -> tuple[Part, ...]:
    """What Gather says while it listens, in its order; a sound that cannot be played is left out, and what is beyond
    MAX_PARTS. Raises CallEnded."""
    parts, sounds, room = list[Part](), dict[str, tuple[Part, ...]](), Room.whole()
    for verb in prompts:
        left = MAX_PARTS - len(parts)
        if left <= 0:
            break
        match verb:
            case Say():
                own = parts_of_say(running, verb)
            case Play():
                if verb.url not in sounds:
                    sounds[verb.url] = await _recorded(running, verb, room)
                own = sounds[verb.url]
            case Pause():
                own = tuple(_silence(1_000 * verb.seconds))
        loops = 1 if isinstance(verb, Pause) else verb.loop
        parts += own * min(loops, max(1, left // max(1, len(own))))
    return tuple(parts[:MAX_PARTS])


def parts_of_say(running: RunningCall, verb: Say) -> tuple[Part, ...]:
    """What a Say is made of; none, if it has no words."""
    language = language_of(running, verb)
    if verb.ssml:
        try:
            return parts_of(verb.ssml, language or running.call.language, {})
        except MarkupError as error:
            running.report("the marks of a Say are left out", str(error))
    return (Words(verb.text, language),) if verb.text else ()


def prompt_of(
    running: RunningCall, parts: tuple[Part, ...], verbs: tuple[Say | Play | Pause, ...], interruption: Interruption
) -> Prompt:
    """The prompt that is made of `parts`, in the first voice that one of the verbs names and the engine has."""
    voice = next((each.voice for each in verbs if isinstance(each, Say) and each.voice), None)
    if voice is not None:
        own = voice in _OWN_VOICES or voice.startswith(_OWN_PREFIXES)
        if own or not running.call.speaks(voice=voice):
            running.report(f"the voice {voice[:60]} is left out", "the engine of [tts] has none of that name")
            voice = None
    return Prompt(transcript(parts), interruption=interruption, voice=voice, parts=parts)


def language_of(running: RunningCall, verb: Say) -> str | None:
    """The language of a Say; None: that of the call, as the engine does not know another."""
    if verb.language is None or running.call.speaks(language=verb.language):
        return verb.language
    running.report(f"the language {verb.language} is left out", "the engine of [tts] does not know it")
    return None


async def loaded(running: RunningCall, url: str, room: Room) -> Recording:
    """A whole sound: a message of this call, or what a server sends, for which there is `room`. Raises CallEnded,
    TwimlError."""
    call = running.call
    if (path := running.recordings.get(url.removesuffix(".wav"))) is not None:
        try:
            # Not kept in memory: nobody else plays it.
            own = partial(load_sound, path, keep=False, key_file=running.application.key_file)
            return await call.until_ended(asyncio.to_thread(own))
        except UserError as error:
            raise TwimlError(HTTP_FAILURE, error.problems[0].why) from error
    request = running.client.sound(url, running.url, AUDIO_TYPES)
    too_long = f"the sounds of one prompt are longer than {MAX_SOUND_S} s"
    if room.seconds <= 0:
        raise TwimlError(HTTP_FAILURE, too_long)
    pcm = bytearray()

    async def load() -> None:
        async with asyncio.timeout_at(room.until), aclosing(stream_pcm(request, WIDE_HZ)) as pieces:
            async for piece in pieces:
                pcm.extend(piece)
                if len(pcm) > 2 * WIDE_HZ * room.seconds:
                    raise AudioStreamError(too_long)

    try:
        await running.waited(load())
    except (AudioStreamError, HttpRequestError, TimeoutError) as error:
        raise TwimlError(HTTP_FAILURE, str(error) or f"it took more than {FETCH_S:g} s") from error
    narrow = rate_converter(WIDE_HZ, NARROW_HZ)(bytes(pcm))
    sound = Recording("sound", {WIDE_HZ: bytes(pcm), NARROW_HZ: narrow})
    room.seconds -= sound.seconds
    return sound


async def _recorded(running: RunningCall, verb: Play, room: Room) -> tuple[Part, ...]:
    if not verb.url:
        return ()
    try:
        return (Recorded("", await loaded(running, verb.url, room)),)
    except TwimlError as error:
        running.report("a sound cannot be played", str(error))
        return ()


def _silence(ms: int) -> list[Silence]:
    """In pieces of the length that a prompt's pauses may have."""
    return [Silence(min(MAX_PAUSE_MS, ms - at)) for at in range(0, ms, MAX_PAUSE_MS)]
