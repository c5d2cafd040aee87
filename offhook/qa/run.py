"""Runs call scripts: prepares what is said and heard, places the calls one after the other, and judges them."""

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from pathlib import Path

from offhook.engines.requirements import require_installed
from offhook.engines.speak import Speaker
from offhook.pipeline.errors import EngineError
from offhook.private_file import make_folder, write_private
from offhook.qa.caller.clips import clips_of, prompt_of
from offhook.qa.caller.http_double import RunningDouble
from offhook.qa.caller.recogniser import Recogniser
from offhook.qa.caller.recorder import LineRecorder
from offhook.qa.caller.scripted_call import Prepared, ScriptedCall, Transcribe
from offhook.qa.one_call import OneCall, RunSettings, target_of
from offhook.qa.persona.prepared import PersonaReport, Personas
from offhook.qa.persona.runner import PersonaRunner
from offhook.qa.preflight import with_voice
from offhook.qa.report.recorded import recording_of
from offhook.qa.report.recording import Recording
from offhook.qa.result import Result, not_run
from offhook.qa.script.script import Script, is_stream
from offhook.qa.script.steps import Speech
from offhook.qa.verdict.fingerprint import frames_of
from offhook.qa.verdict.identity import clips_hash, script_hash
from offhook.settings.config import Config
from offhook.testing.audio_files import save
from offhook.usererror import UserError


async def run_scripts(
    scripts: Sequence[Script], config: Config, settings: RunSettings, show: Callable[[Result], None]
) -> None:
    """One call for each script, or `repeat` of them, one after the other; `show` gets each result. What prevents one is
    its finding, and the others are run. Raises UserError, before the first, if a script has no target."""
    for script in scripts:
        target_of(script, settings)
    async with AsyncExitStack() as stack:
        speakers = Speakers(config, stack)
        personas = Personas(config, settings.record_personas, stack)
        transcribe: Transcribe | None = None
        for script in scripts:
            prepared: Prepared | None = None
            for number in range(1, settings.repeat + 1):
                began, repeat = time.monotonic(), number if settings.repeat > 1 else 0
                try:
                    if script.needs_words and transcribe is None:
                        require_installed(config, tts=False)
                        transcribe = (await stack.enter_async_context(Recogniser(config))).text
                    if prepared is None or script.persona is not None:  # a persona's recording is read again
                        heard_by = transcribe if script.needs_words else None
                        prepared = await prepare(script, speakers, heard_by, personas)
                    result = await run_script(script, prepared, settings, repeat)
                except (UserError, EngineError) as error:
                    result = not_run(script.name, script.where, time.monotonic() - began, error)
                show(replace(result, repeat=repeat))


class Speakers:
    """The voices of a run, started when they are first needed, and closed with the run."""

    def __init__(self, config: Config, stack: AsyncExitStack) -> None:
        self._config = config
        self._stack = stack
        self._started: dict[tuple[str, str], Speaker] = {}

    async def speak(self, text: str, voice: str, language: str) -> bytes:
        """The text by a voice and in a language (empty: those of the settings), as 16-bit PCM at 8 kHz. Raises
        UserError, EngineError."""
        if (voice, language) not in self._started:
            require_installed(self._config, asr=False)
            speaker = Speaker(with_voice(self._config, voice, language))
            self._started[voice, language] = await self._stack.enter_async_context(speaker)
        return (await self._started[voice, language].speak(text, phone=True)).pcm


async def prepare(
    script: Script, speakers: Speakers, transcribe: Transcribe | None, personas: Personas | None = None
) -> Prepared:
    """What the caller says, if that is known before, and what prompts sound like. Without `personas` a script needs
    steps. Raises UserError, EngineError."""
    if script.persona is not None and personas is None:
        why = "here only the steps of a script are run"
        raise UserError("a persona cannot call", why, f"offhook qa run {script.where}", script.where)
    call = script.call
    clips: dict[Speech, bytes] = {}

    async def by_caller(text: str, voice: str) -> bytes:
        return await speakers.speak(text, voice or call.voice, call.language)

    async def by_bot(text: str, voice: str) -> bytes:
        return await speakers.speak(text, voice, "")

    async def speak(speeches: Sequence[Speech]) -> None:
        new = [each for each in speeches if each not in clips]
        clips.update(await clips_of(new, by_caller, seed=script.seed, level_db=script.line.level_db))

    recording = None if personas is None else personas.recording_of(script)
    await speak(script.speeches if recording is None else recording.speeches)
    prompts = {name: frames_of(await prompt_of(speech, by_bot)) for name, speech in script.prompts.items()}
    persona = None if personas is None else await personas.prepare(script, recording, speak)
    return Prepared(clips, prompts, transcribe, persona)


async def run_script(script: Script, prepared: Prepared, settings: RunSettings, repeat: int = 0) -> Result:
    """One call, judged; `repeat` tells the files of several runs apart. Raises UserError, EngineError."""
    is_kept = settings.keep_recordings or settings.save is not None
    one = OneCall(script, prepared, settings, LineRecorder() if is_kept else None)
    with ExitStack() as stack:
        double = None if script.http is None else stack.enter_context(RunningDouble(script.http))
        leg = await one.place()
        requests = () if double is None else double.since(leg.signalling.invited_s)
    seen = one.observed(requests)
    recording = recording_of(one.call, leg, leg.call_id, seen) if is_kept else None
    report = PersonaReport()
    if prepared.persona is not None and isinstance(one.call.runner, PersonaRunner) and seen.answered_s is not None:
        report = await prepared.persona.report(one.call.runner)
    notes = list(report.notes)
    if settings.save is not None and recording is not None:
        notes += _save(settings.save, script, one.call, recording, repeat)
    about = {
        "hash": script_hash(script),
        "clips": clips_hash(prepared.clips.values()),
        "line": "stream" if is_stream(target_of(script, settings)) else "sip",
    }
    result = one.judged(seen)
    details = {"script": about, **result.details, **report.details}
    return replace(
        result, details=details, notes=tuple(notes), recording=recording if settings.keep_recordings else None
    )


def _save(folder: Path, script: Script, call: ScriptedCall, recording: Recording, repeat: int) -> list[str]:
    """Write what was heard, whole and turn by turn (a turn's file may be a prompt of a script), and the packets of a
    call over SIP. Raises UserError."""
    make_folder(folder, "--save")
    stem = (Path(script.where).stem or "script") + (f"-{repeat}" if repeat else "")
    save(folder / f"{stem}-heard.wav", bytes(call.received.pcm))
    for turn in call.meter.turns:
        save(folder / f"{stem}-turn-{turn.number + 1}.wav", call.received.between(turn.began_tick, turn.ended_tick))
    notes = [f"heard: {folder / stem}-heard.wav, and each turn in {folder / stem}-turn-N.wav"]
    if recording.packets or recording.messages:
        write_private(folder / f"{stem}.pcap", recording.pcap(), "--save")
        notes.append(f"packets: {folder / stem}.pcap")
    return notes
