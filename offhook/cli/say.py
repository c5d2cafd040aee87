"""`offhook say`: speaks a text as a call would hear it, into a file or through the loudspeakers."""

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

from offhook.engines.requirements import require_installed
from offhook.engines.speak import Spoken, speak
from offhook.observe.log import setup
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config
from offhook.usererror import UserError

PLAYERS = (["paplay"], ["pw-play"], ["aplay", "-q"], ["afplay"], ["ffplay", "-autoexit", "-nodisp", "-v", "error"])


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
