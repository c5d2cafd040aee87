"""What another setting would have changed in a recorded call, turn by turn.

Each turn is run from its own beginning, with everything before as it was: what follows a turn that had ended otherwise
was never recorded.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

from offhook.flight.reader import FlightLog
from offhook.flight.replay import Step, replay
from offhook.flight.replay_core import DivergedError, ReplayCore
from offhook.flight.silences import BotSilence, Silences
from offhook.flight.speech import Input, Sound, inputs_of_gate, recorded_inputs, sounds_in
from offhook.pipeline.endpoint.silence import SilencePolicy
from offhook.pipeline.turn.machine import Command
from offhook.pipeline.turn.tables import Action, Floor
from offhook.pipeline.vad.gate import GateSettings
from offhook.usererror import UserError

WENT_ON_S = 2.0
"""A caller who speaks again so soon after their last word had not finished."""

SAME_SOUND_S = 0.15
SURELY_SPEECH_S = 0.6
"""A sound of this length that no recogniser got counts as words."""


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The end of a turn, in monotonic seconds. `cut`: the caller went on."""

    over_at: float
    speech_ended_at: float
    cut: bool

    @property
    def wait_ms(self) -> float:
        """From the caller's last sound to the decision."""
        return 1000 * (self.over_at - self.speech_ended_at)


@dataclass(frozen=True, slots=True)
class Turn:
    """A turn that answered a question. `core` is as it was at the turn's beginning, at `began_at`."""

    core: ReplayCore
    began_at: float
    text: str
    end: TurnEnd


@dataclass(frozen=True, slots=True)
class SoundOverBot:
    """A sound that paused the bot. `words`: it was speech; `min_ms` is what the utterance asked of an interruption."""

    sound: Sound
    words: bool
    min_ms: int

    def stops_after_ms(self, sound: Sound | None) -> float | None:
        """How long after its beginning this sound, as another gate has it, would have taken the floor."""
        if sound is None or sound.confirmed_at is None:
            return None
        least_at = sound.began_at + self.min_ms / 1000
        if sound.ended_at is not None and sound.ended_at < least_at:
            return None
        return 1000 * (max(sound.confirmed_at, least_at) - sound.began_at)


class RecordedCall:
    """A call that was replayed, with its turns and interruptions. Raises UserError if the replay differs."""

    def __init__(self, log: FlightLog, *, went_on_s: float = WENT_ON_S) -> None:
        self.log = log
        self._went_on_s = went_on_s
        self._cores: dict[int, ReplayCore] = {}
        found = replay(log, self._watch)
        if found.difference is not None:
            raise UserError(
                f"the call {log.call} cannot be run again",
                f"row {found.difference.row} of its log was decided otherwise by this version of offhook",
                f"offhook replay {log.call}, which shows the difference",
            )
        self.steps = found.steps
        self.silences = self.silences_with(log.turn.filler_ms)
        self.inputs = recorded_inputs(self.steps, log.began)
        self.sounds = sounds_in(self.inputs)
        self.turns = self._turns()
        self.over_bot = self._over_bot()

    def end_with(
        self, turn: Turn, silence_ms: int, inputs: Sequence[Input] | None = None, *, own: bool
    ) -> TurnEnd | None:
        """How the turn would have ended after that silence; None: it would not have. With `own`, a question that has a
        silence of its own keeps it. `inputs` replaces what was detected."""
        policy = self.log.policy or SilencePolicy()
        question = turn.core.question
        keeps = own and question is not None and question.silence_ms != policy.silence_ms
        changed = replace(policy, silence_ms=silence_ms)
        core = turn.core.fork(turn.began_at, changed, None if keeps else silence_ms)
        return self._run(core, turn, self.inputs if inputs is None else inputs)

    def end_of_gate(self, turn: Turn, inputs: Sequence[Input]) -> TurnEnd | None:
        """How the turn would have ended with what another gate detects, see `speech.inputs_of_gate`."""
        return self._run(turn.core.fork(turn.began_at, self.log.policy or SilencePolicy()), turn, inputs)

    def silences_with(self, filler_ms: float) -> list[BotSilence]:
        """The silences that the bot owed to end, with fillers after so long (0: never)."""
        silences = Silences(filler_ms, self.log.turn.fallback_ms)
        replay(self.log, lambda core, step: silences.step(core, step, step.at + self.log.began))
        return silences.found

    def inputs_of(self, gate: GateSettings) -> list[Input]:
        """What another gate would have detected."""
        return inputs_of_gate(self.log, self.steps, gate)

    def _run(self, core: ReplayCore, turn: Turn, inputs: Sequence[Input]) -> TurnEnd | None:
        try:
            over_at = _end_speech(core, [each for each in inputs if each[0] > turn.began_at])
        except DivergedError:
            return None
        return None if over_at is None else self._end(over_at, core.speech_ended_at, sounds_in(inputs))

    def _watch(self, core: ReplayCore, step: Step) -> None:
        if "recognise" in step.actions:
            self._cores[step.row] = deepcopy(core)

    def _end(self, over_at: float, speech_ended_at: float, sounds: Sequence[Sound]) -> TurnEnd:
        latest = speech_ended_at + self._went_on_s
        cut = any(
            sound.confirmed_at is not None
            and sound.confirmed_at > over_at
            and speech_ended_at < sound.began_at < latest
            for sound in sounds
        )
        return TurnEnd(over_at, speech_ended_at, cut)

    def _turns(self) -> list[Turn]:
        found: list[Turn] = []
        core: ReplayCore | None = None
        began_at = 0.0
        ended: tuple[float, float] | None = None
        for step in self.steps:
            now = step.at + self.log.began
            if ended is not None and core is not None and step.name == "transcript":
                end = self._end(*ended, self.sounds)
                found.append(Turn(core, began_at, step.arguments[0].text, end))
                core = ended = None
            if step.row in self._cores:
                core, began_at, ended = self._cores[step.row], now, None
            if core is not None and "end-speech" in step.actions:
                ended = now, self._speech_ended_at(now)
            elif core is not None and "cancel-asr" in step.actions:
                core = ended = None
        return found

    def _speech_ended_at(self, now: float) -> float:
        ends = [sound.ended_at for sound in self.sounds if sound.ended_at is not None and sound.ended_at <= now]
        return max(ends, default=now)

    def _over_bot(self) -> list[SoundOverBot]:
        found = []
        min_ms = 0
        for number, step in enumerate(self.steps):
            if step.name == "say":
                min_ms = step.arguments[1].min_ms
            if step.name == "speech_started" and step.before is Floor.SPEAKING and step.after is Floor.BOT_PAUSED:
                sound = next((each for each in self.sounds if each.began_at == step.arguments[0]), None)
                if sound is not None:
                    found.append(SoundOverBot(sound, self._has_words(sound, self.steps[number + 1 :]), min_ms))
        return found

    def _has_words(self, sound: Sound, later: Sequence[Step]) -> bool:
        if sound.confirmed_at is None:
            return False
        for step in later:
            if step.name == "transcript":
                return bool(step.arguments[0].text)
            if step.name == "say":
                break
        return sound.ended_at is None or sound.ended_at - sound.began_at >= SURELY_SPEECH_S


def same_sound(sounds: Sequence[Sound], wanted: Sound) -> Sound | None:
    """The sound that begins where `wanted` does, as another gate has it."""
    near = [each for each in sounds if abs(each.began_at - wanted.began_at) <= SAME_SOUND_S]
    return min(near, key=lambda each: abs(each.began_at - wanted.began_at), default=None)


def _end_speech(core: ReplayCore, inputs: Sequence[Input]) -> float | None:
    """Run a turn until its end. Returns when that is, None if it does not end by itself."""
    for now, name, arguments in inputs:
        while (due := core.get_timer()) is not None and due <= now:
            core.handle_timer(due)
            if (over := _is_over(core)) is not None:
                return due if over else None
        getattr(core, name)(*arguments)
        if (over := _is_over(core)) is not None:
            return now if over else None
    while (due := core.get_timer()) is not None:
        core.handle_timer(due)
        if (over := _is_over(core)) is not None:
            return due if over else None
    return None


def _is_over(core: ReplayCore) -> bool | None:
    """Whether the turn has been ended (true) or dropped (false); None: neither."""
    while (output := core.next_output()) is not None:
        if isinstance(output, Command) and output.action is Action.END_SPEECH:
            return True
        if isinstance(output, Command) and output.action in (Action.CANCEL_ASR, Action.FINISH):
            return False
    return None
