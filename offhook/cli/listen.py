"""`offhook listen`: what a recogniser makes of a recording, or of the microphone, as over a phone line."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from offhook.cli.options import AsJson, ConfigFile
from offhook.cli.sound import RATE_HZ, microphone, packets
from offhook.engines.registry import make_asr, make_vad
from offhook.engines.requirements import require_installed
from offhook.observe.log import setup
from offhook.pipeline.asr.adapt import adapt
from offhook.pipeline.asr.engine import AsrEngine, AsrStream, Transcript
from offhook.pipeline.asr.grammar import GrammarError
from offhook.pipeline.dialog.digits import spoken_digits
from offhook.pipeline.events import AnswerKind, Choice, DigitRule, Question
from offhook.pipeline.rates import WIDE_HZ
from offhook.pipeline.recognition import request_for
from offhook.pipeline.turn.answers import answer_to
from offhook.pipeline.understanding.kinds import KINDS, Date
from offhook.pipeline.understanding.recorded import recorded
from offhook.pipeline.vad.engine import VadEngine
from offhook.process.event_loop import run_loop
from offhook.settings.config import Config
from offhook.telephony.codec.g711 import PCMA, PCMU
from offhook.telephony.resample import Resampler, Upsampler
from offhook.testing.audio_files import read_speech
from offhook.usererror import UserError, did_you_mean

PRE_ROLL_PACKETS = 15  # 300 ms, so that the first sound is not lost
MAX_SPOKEN_DIGITS = 20
MICROPHONE = "mic"
FAST = 10.0  # times the pace of speech; more would be more than some recognisers keep waiting

_LAWS = {"PCMU": PCMU, "PCMA": PCMA}

Print = Callable[[str], None]


def listen(  # noqa: PLR0913  # each is an option of the command
    source: Annotated[str, typer.Argument(help="A WAV file, or `mic` for the microphone.", metavar="FILE|mic")],
    config: ConfigFile = None,
    *,
    engine: Annotated[str | None, typer.Option(help="The recogniser; that of the settings.", metavar="NAME")] = None,
    choices: Annotated[
        str | None, typer.Option(help='Listen for these phrases, such as "yes,no"; without: free speech.')
    ] = None,
    digits: Annotated[bool, typer.Option("--digits", help="Listen for spoken digits.", metavar="")] = False,
    kind: Annotated[
        str | None, typer.Option("--as", help=f"Listen for a value: {', '.join(KINDS)}.", metavar="KIND")
    ] = None,
    language: Annotated[str | None, typer.Option("--language", help="The caller's: en, de …", metavar="TAG")] = None,
    law: Annotated[str, typer.Option(help="The line: PCMU or PCMA.", metavar="LAW")] = "PCMU",
    fast: Annotated[bool, typer.Option("--fast", help="Do not wait for the pace of speech.", metavar="")] = False,
    as_json: AsJson = False,
) -> None:
    """Print what a recogniser understands of a recording: partials, words, confidence, times.

    The audio passes a phone line's law, is divided into turns by the detector and `turn.silence_ms`, and reaches the
    recogniser at the pace of speech, as in a call. 0: something was understood; 1: nothing was.
    """
    asr = {} if engine is None else {"engine": engine}
    settings = Config.load(config, {"asr": asr, "dialog": {} if language is None else {"language": language}})
    setup(level="error")
    require_installed(settings, tts=False)
    if law not in _LAWS:
        raise UserError(f"there is no line {law!r}", "G.711 has two laws", "one of: PCMU, PCMA", "--law")
    question = _question(choices, kind, digits=digits, language=settings.dialog.language)
    pcm = None if source == MICROPHONE else read_speech(Path(source))
    listener = Listener(settings, question, law, _as_json if as_json else _as_text)

    async def work() -> int:
        audio = microphone() if pcm is None else packets(pcm, FAST if fast else 1.0)
        return await listener.run(audio)

    raise typer.Exit(_until_interrupted(work))


def _until_interrupted(work: Callable[[], Coroutine[Any, Any, int]]) -> int:
    try:
        return run_loop(work())
    except KeyboardInterrupt:
        return 0


def _question(choices: str | None, kind: str | None, *, digits: bool, language: str | None) -> Question:
    if kind is not None and kind not in KINDS:
        raise UserError(
            f"there are no values of the kind {kind!r}",
            f"there are {', '.join(KINDS)}",
            did_you_mean(kind, tuple(KINDS)),
        )
    phrases = [phrase.strip() for phrase in (choices or "").split(",") if phrase.strip()]
    question = Question(
        choices=tuple(Choice(phrase, (phrase,)) for phrase in phrases),
        digits=DigitRule(1, MAX_SPOKEN_DIGITS) if digits else None,
        language=language,
        value=Date(date.today()) if kind == "date" else None if kind is None else KINDS[kind](),
    )
    try:
        request_for(question)
    except GrammarError as error:
        raise UserError(f"the phrase {error.phrase!r} cannot be recognised", error.why, "", "--choices") from error
    return question


class Listener:
    """Divides audio into turns, and prints what the recogniser makes of each."""

    def __init__(self, settings: Config, question: Question, law: str, show: Callable[[dict[str, Any]], str]) -> None:
        self._vad: VadEngine = make_vad(settings)
        name = settings.asr.engine
        self._asr: AsrEngine = adapt(
            str(name), make_asr(settings), Resampler, {"PCMU": PCMU.encode, "PCMA": PCMA.encode}
        )
        self._settings = settings
        self._question = question
        self._law = _LAWS[law]
        self._show = show
        self._understood = 0
        self._samples = 0  # of audio so far

    async def run(self, audio: AsyncIterator[bytes]) -> int:
        """Recognise the audio's turns until it ends. 0 if anything was understood, otherwise 1. Raises EngineError."""
        await self._asr.start()
        try:
            await self._turns(audio)
        finally:
            with suppress(asyncio.CancelledError):
                await self._asr.close()
        return 0 if self._understood else 1

    async def _turns(self, audio: AsyncIterator[bytes]) -> None:
        detector = Detector(self._vad, self._settings)
        pre_roll: deque[bytes] = deque(maxlen=PRE_ROLL_PACKETS)
        turn: Turn | None = None
        async for packet in audio:
            line = self._law.decode(self._law.encode(packet))
            detector.push(line)
            self._samples += len(line) // 2
            if turn is not None:
                turn.feed(line)
                if detector.silence_s >= self._settings.turn.silence_ms / 1_000:
                    await self._finish(turn)
                    turn = None
            else:
                pre_roll.append(line)
                if detector.in_speech:
                    turn = self._begin(b"".join(pre_roll))
                    pre_roll.clear()
        if turn is not None:
            await self._finish(turn)

    def _begin(self, pre_roll: bytes) -> "Turn":
        began_s = (self._samples - len(pre_roll) // 2) / RATE_HZ

        def on_partial(text: str) -> None:
            self._print({"at_s": self._samples / RATE_HZ, "partial": text})

        turn = Turn(self._asr.open(request_for(self._question), on_partial), self._asr.capabilities.rate_hz, began_s)
        turn.feed(pre_roll)
        return turn

    async def _finish(self, turn: "Turn") -> None:
        ended = time.perf_counter()
        transcript = await turn.stream.finish()
        after_ms = 1_000 * (time.perf_counter() - ended)
        self._understood += bool(transcript.text)
        self._print(
            {
                "at_s": turn.began_s,
                "text": transcript.text,
                **self._meant(transcript),
                "confidence": transcript.confidence,
                "after_ms": after_ms,
                "words": _words(transcript, turn.began_s),
                "alternatives": list(transcript.alternatives),
            }
        )

    def _meant(self, transcript: Transcript) -> dict[str, Any]:
        """What a call would take it for: the choice, the value, or neither, a no-match."""
        question = self._question
        answer = answer_to(question, transcript, self._settings.asr.min_confidence, typed=False)
        value = None if answer.value is None else recorded(answer.value)
        if question.digits is not None and answer.kind is AnswerKind.SPEECH:
            value = spoken_digits(answer.text, question.language)
        expected = bool(question.choices) or question.value is not None or question.digits is not None
        return {
            "choice": answer.choice,
            "value": value,
            "matches": answer.choice is not None or value is not None if expected else None,
        }

    def _print(self, event: dict[str, Any]) -> None:
        typer.echo(self._show(event))


class Turn:
    """One turn on its way to the recogniser."""

    def __init__(self, stream: AsrStream, rate_hz: int, began_s: float) -> None:
        self.stream = stream
        self.began_s = began_s
        self._upsampler = Upsampler() if rate_hz == WIDE_HZ else None

    def feed(self, line: bytes) -> None:
        """Audio at 8 kHz."""
        self.stream.feed(line if self._upsampler is None else self._upsampler.push(line))


class Detector:
    """Whether somebody speaks, and for how long nobody has."""

    def __init__(self, vad: VadEngine, settings: Config) -> None:
        self.in_speech = False
        self.silence_s = 0.0
        self._stream = vad.stream()
        self._frame_bytes = 2 * vad.capabilities.frame_samples
        self._frame_s = vad.capabilities.frame_samples / vad.capabilities.rate_hz
        self._start, self._stop = settings.vad.start_threshold, settings.vad.stop_threshold
        self._unframed = b""

    def push(self, line: bytes) -> None:
        """Take audio at 8 kHz."""
        self._unframed += line
        while len(self._unframed) >= self._frame_bytes:
            frame, self._unframed = self._unframed[: self._frame_bytes], self._unframed[self._frame_bytes :]
            probability = self._stream.infer(frame)
            self.in_speech = probability >= (self._stop if self.in_speech else self._start)
            self.silence_s = 0.0 if self.in_speech else self.silence_s + self._frame_s


def _words(transcript: Transcript, began_s: float) -> list[dict[str, Any]]:
    return [
        {
            "text": word.text,
            "start_s": round(began_s + word.start_s, 2),
            "end_s": round(began_s + word.end_s, 2),
            "confidence": word.confidence,
        }
        for word in transcript.words
    ]


def _as_json(event: dict[str, Any]) -> str:
    return json.dumps({key: round(each, 3) if isinstance(each, float) else each for key, each in event.items()})


def _as_text(event: dict[str, Any]) -> str:
    at = f"{event['at_s']:7.2f} s  "
    if "partial" in event:
        return f"{at}… {event['partial']}"
    said = event["text"] or "nothing recognised"
    parts = [f"after {event['after_ms']:.0f} ms"]
    if event["confidence"] is not None:
        parts.insert(0, f"confidence {event['confidence']:.2f}")
    if event["choice"] is not None and event["choice"] != event["text"]:
        parts.insert(0, f"choice {event['choice']}")
    if event["value"] is not None:
        parts.insert(0, f"value {event['value']}")
    if event["text"] and event["matches"] is False:
        parts.insert(0, "no match")
    lines = [f"{at}{said}   ({', '.join(parts)})"]
    for word in event["words"]:
        certain = "" if word["confidence"] is None else f"  {word['confidence']:.2f}"
        lines.append(f"{'':11}{word['start_s']:7.2f} – {word['end_s']:.2f}  {word['text']}{certain}")
    lines += [f"{'':11}or: {text}" for text in event["alternatives"]]
    return "\n".join(lines)
