"""Reads the steps of a call script, and what is said in them."""

from dataclasses import replace
from pathlib import Path
from typing import cast

from yaml.nodes import MappingNode, Node, ScalarNode

from offhook.qa.script.steps import (
    TONES,
    Awaited,
    ChangeMind,
    HangUp,
    Hold,
    Interrupt,
    Noise,
    Press,
    Say,
    Speech,
    Step,
    Wait,
    WaitFor,
)
from offhook.settings.yaml_file import Reader
from offhook.telephony.wire.telephone_event import DIGITS
from offhook.usererror import did_you_mean

ACTIONS = ("wait_for", "say", "press", "interrupt", "change_mind", "mumble", "noise", "hold", "wait", "hang_up")
MAX_MS = 600_000
WORD_MS = 360
"""How long a word lasts that is spoken at the usual pace: 165 words a minute."""

_WAIT_FOR = ("prompt", "words", "tone", "silence_ms", "keys")
_SPEECH = ("text", "wav", "voice", "level_db")


class StepReader(Reader):
    """Reads steps; see `Reader` for problems."""

    def step(self, node: Node) -> Step | None:
        """One item of `steps`."""
        if isinstance(node, ScalarNode) and node.value == "hang_up":
            return HangUp()
        if not isinstance(node, MappingNode) or len(node.value) != 1:
            why = self.got(node) if not isinstance(node, MappingNode) else f"it has {len(node.value)} keys"
            self.problem(node, "a step is not one action", why, "type `- say: good morning`, one action a step")
            return None
        key, value = node.value[0]
        name = key.value if isinstance(key, ScalarNode) else ""
        if name not in ACTIONS:
            why = f"steps are {', '.join(ACTIONS)}"
            self.problem(key, f"there is no step `{str(name)[:40]}`", why, did_you_mean(str(name), list(ACTIONS)))
            return None
        return cast("Step | None", getattr(self, f"_{name}")(value))

    def speech(self, node: Node, what: str) -> Speech | None:
        """A text; or a mapping with `text` or `wav`, `voice`, `level_db`. What ends in .wav is a file."""
        if isinstance(node, MappingNode):
            found = self.fields(node, what, _SPEECH) or {}
            text, wav, voice = (self.value(found, key, self.text, "") for key in ("text", "wav", "voice"))
            level_db = self.value(found, "level_db", self.number, 0.0)
            if not -60 <= level_db <= 20:
                self.problem(node, f"`level_db` of {what} is {level_db:g}", "it goes from -60 to 20", "`level_db: -6`")
            if bool(text) == bool(wav):
                why = "it has both `text` and `wav`" if text else "it has neither `text` nor `wav`"
                self.problem(node, f"{what} says nothing certain", why, "type `text: good morning`, or `wav: FILE.wav`")
                return None
            return self._file(node, Speech(text, wav, voice=voice, level_db=level_db), what)
        said = self.text(node, what)
        if said is None:
            return None
        if not said:
            self.problem(node, f"{what} is empty", "there is nothing to say", "type `say: good morning`")
            return None
        return self._file(node, Speech(wav=said) if said.lower().endswith(".wav") else Speech(said), what)

    def _file(self, node: Node, speech: Speech, what: str) -> Speech | None:
        """With the path of its file, which is beside the script."""
        if not speech.wav:
            return speech
        path = Path(self.name).parent / speech.wav
        if not path.is_file():
            self.problem(node, f"{what} has no file", f"there is no {path}", "type the name of a WAV file beside it")
            return None
        return Speech(wav=str(path), level_db=speech.level_db)

    def _wait_for(self, node: Node) -> Step | None:
        if isinstance(node, ScalarNode):
            if node.value in ("speech", "end"):
                return WaitFor(cast(Awaited, node.value))
            if node.value in TONES:
                return WaitFor("tone", node.value)
            why = f"it is `speech`, `end`, a tone ({', '.join(TONES)}), or a mapping"
            todo = did_you_mean(node.value, ["speech", "end", *TONES])
            self.problem(node, f"`wait_for` cannot be `{node.value[:40]}`", why, todo)
            return None
        found = self.fields(node, "`wait_for`", (*_WAIT_FOR, "speech", "end", "within_ms", "early")) or {}
        named = [key for key in (*_WAIT_FOR, "speech", "end") if key in found]
        if len(named) != 1:
            why = f"it names {' and '.join(named)}" if named else "it names nothing"
            self.problem(node, "`wait_for` waits for one thing", why, "type `wait_for: {words: good morning}`")
            return None
        within_ms = self.value(found, "within_ms", self.milliseconds, 10_000)
        step = self._awaited(found[named[0]], named[0], within_ms or 10_000)
        if "early" not in found or not self.truth(found["early"], "`early`") or step is None:
            return step
        if named[0] not in ("speech", "prompt", "words"):
            why = "only speech is told apart by whether it comes before the answer"
            self.problem(found["early"], f"`{named[0]}` is never early", why, "leave `early` out")
        elif "within_ms" in found:
            why = "what is early comes while it rings, for which `ring_s` of `call` is the limit"
            self.problem(found["within_ms"], "`within_ms` has no effect", why, "leave it out")
        return replace(step, early=True)

    def _awaited(self, node: Node, name: str, within_ms: int) -> WaitFor | None:
        if name in ("speech", "end"):
            return WaitFor(cast(Awaited, name), within_ms=within_ms)
        if name == "silence_ms":
            silence_ms = self.milliseconds(node, "`silence_ms`")
            return None if silence_ms is None else WaitFor("silence", "", within_ms, silence_ms)
        what = self.keys(node, "`keys`") if name == "keys" else self.text(node, f"`{name}`")
        if what is None:
            return None
        if name == "tone" and what not in TONES:
            why = f"tones are {', '.join(TONES)}"
            self.problem(node, f"there is no tone `{what[:40]}`", why, did_you_mean(what, list(TONES)))
            return None
        return WaitFor(cast(Awaited, name), what, within_ms)

    def _say(self, node: Node) -> Step | None:
        speech = self.speech(node, "`say`")
        return None if speech is None else Say(speech)

    def _press(self, node: Node) -> Step | None:
        keys = self.keys(node, "`press`")
        return None if keys is None else Press(keys)

    def _interrupt(self, node: Node) -> Step | None:
        found = self.fields(node, "`interrupt`", ("after_ms", "after_words", "say", "press", "within_ms")) or {}
        pairs = (("when", "after_ms", "after_words"), ("how", "say", "press"))
        for what, one, other in pairs:
            if one in found and other in found:
                why = f"it has both `{one}` and `{other}`"
                self.problem(node, f"`interrupt` says {what} twice", why, f"choose one: leave `{other}` or `{one}` out")
                return None
            if one not in found and other not in found:
                todo = "type `interrupt: {after_ms: 1500, say: stop}`"
                self.problem(node, f"`interrupt` does not say {what}", f"it needs `{one}` or `{other}`", todo)
                return None
        if "after_ms" in found:
            after_ms = self.milliseconds(found["after_ms"], "`after_ms`")
        else:
            words = self.whole(found["after_words"], "`after_words`")
            after_ms = None if words is None else WORD_MS * words
        speech = self.speech(found["say"], "`say` of `interrupt`") if "say" in found else None
        keys = self.keys(found["press"], "`press` of `interrupt`") if "press" in found else ""
        within_ms = self.milliseconds(found["within_ms"], "`within_ms`") if "within_ms" in found else 10_000
        if after_ms is None or keys is None or within_ms is None or (speech is None and not keys):
            return None
        return Interrupt(after_ms, speech, keys, within_ms)

    def _change_mind(self, node: Node) -> Step | None:
        required = ("say", "after_ms", "then")
        found = self.fields(node, "`change_mind`", (*required, "pause_ms"), required) or {}
        if any(name not in found for name in required):
            return None
        first, then = (self.speech(found[name], f"`{name}` of `change_mind`") for name in ("say", "then"))
        after_ms = self.milliseconds(found["after_ms"], "`after_ms`")
        pause_ms = self.milliseconds(found["pause_ms"], "`pause_ms`") if "pause_ms" in found else 250
        if first is None or then is None or after_ms is None or pause_ms is None:
            return None
        return ChangeMind(first, after_ms, then, pause_ms)

    def _mumble(self, node: Node) -> Step | None:
        duration_ms = self.milliseconds(node, "`mumble`")
        return None if duration_ms is None else Say(Speech(mumble_ms=duration_ms, level_db=-12.0))

    def _noise(self, node: Node) -> Step | None:
        if isinstance(node, ScalarNode) and node.value in ("off", "none"):
            return Noise(None)
        level = self.number(node, "`noise`")
        if level is not None and not -90 <= level <= -10:
            todo = "type `noise: -35`, or `noise: off`"
            self.problem(node, f"`noise` is {level:g}", "its level goes from -90 to -10 dBFS", todo)
            return None
        return None if level is None else Noise(level)

    def _hold(self, node: Node) -> Step | None:
        hold_ms = self.milliseconds(node, "`hold`")
        return None if hold_ms is None else Hold(hold_ms)

    def _wait(self, node: Node) -> Step | None:
        wait_ms = self.milliseconds(node, "`wait`")
        return None if wait_ms is None else Wait(wait_ms)

    def _hang_up(self, node: Node) -> Step | None:
        self.problem(node, "`hang_up` takes nothing", self.got(node), "type `- hang_up`")
        return None

    def keys(self, node: Node, what: str) -> str | None:
        """Keys of a phone; the zeros of `press: 0012` count, too."""
        text = self.text(node, what)
        if text is None:
            return None
        keys = text.upper().replace(" ", "")
        wrong = next((each for each in text.replace(" ", "") if each.upper() not in DIGITS), None)
        if not keys or wrong is not None:
            why = "there is none" if wrong is None else f"{wrong!r} is not on a phone"
            self.problem(node, f"{what} has other characters than keys", why, 'type `press: "12#"`: 0-9 * # A-D')
            return None
        return keys

    def milliseconds(self, node: Node, what: str) -> int | None:
        """A time in milliseconds."""
        value = self.whole(node, what, unit="ms")
        if value is not None and not 0 <= value <= MAX_MS:
            todo = "type a whole number of milliseconds such as `2000`"
            self.problem(node, f"{what} is {value}", f"it goes from 0 to {MAX_MS} ms", todo)
            return None
        return value
