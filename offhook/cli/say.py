"""`offhook say`: speaks a text as a call would hear it, into a file or through the loudspeakers."""

import io
import json
import shutil
import subprocess
import sys
import wave
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic
from typing import Annotated

import typer

from offhook.engines.engine_set import make_voice
from offhook.engines.requirements import require_installed
from offhook.observe.log import setup
from offhook.pipeline.clauses import clauses
from offhook.pipeline.rates import TICK_HZ
from offhook.pipeline.tts.clip import whole_words
from offhook.pipeline.tts.engine import Word
from offhook.pipeline.tts.gap import gap_ticks
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config
from offhook.telephony.codec import PCMU
from offhook.usererror import UserError

WIDE_HZ, NARROW_HZ = 16_000, 8_000
PLAYERS = (["paplay"], ["pw-play"], ["aplay", "-q"], ["afplay"], ["ffplay", "-autoexit", "-nodisp", "-v", "error"])


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text as 16-bit mono PCM, how long the first of it took, and where its words are, in ticks of 1/8000 s."""

    pcm: bytes
    rate_hz: int
    first_ms: float
    words: tuple[Word, ...] = ()

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.pcm) / 2 / self.rate_hz

    def as_json(self) -> str:
        """What is known of it."""
        words = [
            {
                "text": word.text,
                "start_s": round(word.start_sample / TICK_HZ, 3),
                "end_s": round(word.end_sample / TICK_HZ, 3),
                "is_estimated": word.is_estimated,
            }
            for word in self.words
        ]
        known = {"seconds": round(self.seconds, 3), "rate_hz": self.rate_hz, "first_ms": round(self.first_ms, 1)}
        return json.dumps(known | {"words": words}, ensure_ascii=False)

    def as_wav(self) -> bytes:
        """The content of a WAV file."""
        content = io.BytesIO()
        with wave.open(content, "wb") as file:
            file.setparams((1, 2, self.rate_hz, 0, "NONE", ""))
            file.writeframes(self.pcm)
        return content.getvalue()


def say(
    text: Annotated[str, typer.Argument(help="What to say; - reads it from the standard input.", metavar="TEXT")],
    config: Annotated[Path | None, typer.Option("--config", help="The settings, a TOML file.", metavar="FILE")] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="Another than `tts.engine`.", metavar="NAME")] = None,
    voice: Annotated[str | None, typer.Option("--voice", help="One of the engine's voices.", metavar="NAME")] = None,
    language: Annotated[str | None, typer.Option("--language", help="The text's: en, de …", metavar="TAG")] = None,
    out: Annotated[
        str | None, typer.Option("--out", help="A WAV file, or - for the standard output.", metavar="FILE.wav")
    ] = None,
    phone: Annotated[
        bool, typer.Option("--phone", help="As heard by phone: G.711, 8 kHz. Otherwise 16 kHz.", metavar="")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON, with the times of the words.", metavar="")
    ] = False,
) -> None:
    """Say a text with a voice: numbers, dates and pauses as in a call. Without --out it is played."""
    settings = _settings(config, engine, voice, language)
    setup(level="warning")
    require_installed(settings, asr=False)
    text = sys.stdin.read() if text == "-" else text
    if not text.strip():
        raise UserError("there is nothing to say", "the text is empty", 'offhook say "Good morning."', "TEXT")
    player = _player() if out is None and not as_json else []
    spoken = run_loop(speak(settings, text, phone=phone))
    if out == "-":
        sys.stdout.buffer.write(spoken.as_wav())
        return
    if out is not None:
        _write(Path(out), spoken.as_wav())
    if as_json:
        typer.echo(spoken.as_json())
    else:
        about = f"{spoken.seconds:.1f} s at {spoken.rate_hz} Hz, first audio after {spoken.first_ms:.0f} ms"
        typer.echo(f"{out or 'playing'}: {about}")
    if player:
        _play(spoken, player)


async def speak(config: Config, text: str, *, phone: bool) -> Spoken:
    """`text` spoken by the configured voice. Raises EngineError, UserError."""
    tts, voice = make_voice(config)
    rate_hz = NARROW_HZ if phone else WIDE_HZ
    pcm, first_ms, words, ticks, goes_on = bytearray(), 0.0, list[Word](), 0, False
    try:
        await tts.start()
        began = monotonic()
        for clause in clauses(text, voice.language):
            if words:
                pause = gap_ticks(ticks, words[-1].end_sample, goes_on=goes_on)
                pcm += bytes(2 * pause * rate_hz // TICK_HZ)
                ticks += pause
            goes_on = clause.ends_softly
            pieces = voice.stream(clause.text, "PCMU" if phone else "LINEAR16", _by_phone if phone else bytes, rate_hz)
            async with aclosing(pieces):
                async for piece in pieces:
                    first_ms = first_ms or 1_000 * (monotonic() - began)
                    pcm += piece.payload
                    words += (_placed(word, clause.start) for word in piece.moved(ticks))
                    ticks += piece.ticks
    finally:
        await tts.close()
    return Spoken(bytes(pcm), rate_hz, first_ms, tuple(whole_words(words)))


def _placed(word: Word, at: int) -> Word:
    return replace(word, char_start=word.char_start + at, char_end=word.char_end + at)


def _settings(config: Path | None, engine: str | None, voice: str | None, language: str | None) -> Config:
    tts = {key: value for key, value in (("engine", engine), ("voice", voice)) if value is not None}
    dialog = {} if language is None else {"language": language}
    settings = Config.load(config, {"tts": tts, "dialog": dialog})
    if voice is None:
        return settings
    # An engine's own option goes before `tts.voice`, and --voice before both.
    options = {
        name: {key: value for key, value in own.items() if key != "voice"} for name, own in settings.tts.options.items()
    }
    return settings.model_copy(update={"tts": settings.tts.model_copy(update={"options": options})})


def _by_phone(pcm: bytes) -> bytes:
    return PCMU.decode(PCMU.encode(pcm))


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UserError(f"{path} cannot be written", error.strerror or str(error), "another file", "--out") from error


def _player() -> list[str]:
    """The program that plays a WAV file. Raises UserError: none is here."""
    found = next((each for each in PLAYERS if shutil.which(each[0])), None)
    if found is None:
        programs = ", ".join(each[0] for each in PLAYERS)
        raise UserError("nothing can be played", f"none of {programs} is here", "--out FILE.wav")
    return found


def _play(spoken: Spoken, player: list[str]) -> None:
    with NamedTemporaryFile(suffix=".wav") as file:
        file.write(spoken.as_wav())
        file.flush()
        done = subprocess.run([*player, file.name], stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise UserError("it could not be played", said or f"{player[0]} failed", "--out FILE.wav")
