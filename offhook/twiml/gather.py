"""Gather: what the caller keys or says. Pure."""

from dataclasses import dataclass

from offhook.pipeline.language import is_language_tag
from offhook.twiml.attributes import Attributes, Notes
from offhook.twiml.element import Element
from offhook.twiml.limits import MAX_DIGITS, MAX_HINT_CHARS, MAX_HINTS, MAX_TIMEOUT_S
from offhook.twiml.speech import Pause, Play, Say, read_pause, read_play, read_say


@dataclass(frozen=True, slots=True)
class Gather:
    """Collect keys, speech or both, while `prompts` are said and `timeout_s` after them.

    `action` None: the document's own address. `most_digits` None: until `finish_on_key`, of which none ends it if it is
    empty, or the time-out. `speech_timeout_s` None: the bot's own judgement ("auto"). `language` None: the call's.
    """

    prompts: tuple[Say | Play | Pause, ...] = ()
    by_keys: bool = True
    by_speech: bool = False
    action: str | None = None
    method: str = "POST"
    timeout_s: int = 5
    speech_timeout_s: int | None = None
    finish_on_key: str = "#"
    most_digits: int | None = None
    language: str | None = None
    hints: tuple[str, ...] = ()
    barge_in: bool = True
    action_on_empty: bool = False
    partial_url: str = ""
    partial_method: str = "POST"


def read_gather(element: Element, notes: Notes) -> Gather:
    """A Gather with what is nested in it."""
    found = Attributes(element, notes)
    kinds = found.text("input", "dtmf").lower().split()
    if not kinds or set(kinds) - {"dtmf", "speech"}:
        notes.warnings.append(f"line {element.line}: <Gather> has input=`{' '.join(kinds)[:40]}`")
        kinds = ["dtmf"]
    timeout_s = found.number("timeout", 5, least=0, most=MAX_TIMEOUT_S)
    if found.text("speechTimeout") == "auto":
        speech_timeout_s = None
    else:
        # Twilio: without it, the time-out.
        speech_timeout_s = found.number("speechTimeout", timeout_s, least=0, most=MAX_TIMEOUT_S)
    language = found.optional("language") or None
    if language is not None and not is_language_tag(language):
        notes.warnings.append(f"line {element.line}: <Gather> has language=`{language[:40]}`, which is none")
        language = None
    digits = found.number("numDigits", 0, least=1, most=MAX_DIGITS)
    finish = found.keys("finishOnKey", "#")
    gather = Gather(
        prompts=_nested(element, notes),
        by_keys="dtmf" in kinds,
        by_speech="speech" in kinds,
        action=found.optional("action") or None,
        method=found.method(),
        timeout_s=timeout_s,
        speech_timeout_s=speech_timeout_s,
        finish_on_key=finish[:1],
        most_digits=digits or None,
        language=language,
        hints=_hints(found.text("hints")),
        barge_in=found.truth("bargeIn", True),
        action_on_empty=found.truth("actionOnEmptyResult", False),
        partial_url=found.text("partialResultCallback"),
        partial_method=found.method("partialResultCallbackMethod"),
    )
    found.ignored("speechModel", "enhanced", "profanityFilter", "dtmfDetection", "debug")
    found.finish()
    return gather


def _nested(element: Element, notes: Notes) -> tuple[Say | Play | Pause, ...]:
    prompts: list[Say | Play | Pause] = []
    for child in element.children:
        match child.name:
            case "Say":
                prompts.append(read_say(child, notes))
            case "Play":
                prompts.append(read_play(child, notes))
            case "Pause":
                prompts.append(read_pause(child, notes))
            case name:
                notes.warnings.append(f"line {child.line}: <Gather> cannot have <{name[:40]}> in it")
    return tuple(prompts)


def _hints(text: str) -> tuple[str, ...]:
    """Phrases; classes of Twilio's recognisers, such as $OOV_CLASS_DIGIT_SEQUENCE, are none."""
    phrases = (" ".join(each.split()) for each in text.split(","))
    return tuple(each[:MAX_HINT_CHARS] for each in phrases if each and not each.startswith("$"))[:MAX_HINTS]
