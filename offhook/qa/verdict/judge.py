"""The verdict: what is expected of a call against what was seen and heard. Pure.

A script that names no expectations has some all the same: the call is answered, all steps are done, and media comes. A
limit on something that was not measured fails: nobody should take it for met.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.ladder.redact import redacted_text
from offhook.qa.script.expect import MEASURES, Limit, SipExpectation
from offhook.qa.script.keys import difference
from offhook.qa.script.script import Script
from offhook.qa.script.words import has_words, words_of
from offhook.qa.verdict.measures import figures, unanswered, unmeasured
from offhook.qa.verdict.observed import ObservedCall
from offhook.usererror import cut

SILENT_S = 1.0
"""An answered call of this length without one packet of the far end has one-way audio, or none."""

SHOWN = 3

SHOWN_CHARS = 300
"""Of a text that others have written."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that is not as expected: its kind, for programs; what, and why that is known; when (seconds since the
    INVITE), if at a certain time; the line of the script, if it is about a step."""

    kind: str
    what: str
    why: str
    at_s: float | None = None
    line: int | None = None


def judge(script: Script, call: ObservedCall) -> list[Deviation]:
    """Everything that is wrong with the call, the most telling first; empty: it passes.

    Where a step failed, what the steps after it would have shown is not judged: the caller had hung up.
    """
    if call.answered_s is None:
        return [*_refusal(script, call), *_steps(script, call), *_sip(script, call)]
    if script.expect.status is not None:
        why = f"it was answered after {call.answered_s:.1f} s"
        return [Deviation("status", f"the call was not refused with {script.expect.status}", why)]
    found = [*_media(script, call), *_steps(script, call)]
    for name, limit in script.expect.limits.items():
        found += _limit(call, name, limit)
    if call.failure is None:
        found += [*_prompts(script, call), *_texts(script, call), *_ends(script, call), *_keys(script, call)]
        found += [*_sip(script, call), *_requests(script, call), *_record(script, call)]
    return found


def _refusal(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    """A call that was not answered may be one that is to be refused."""
    wanted = script.expect.status
    if wanted is None:
        yield Deviation("not_answered", "the call was not answered", call.why)
    elif call.status != wanted:
        yield Deviation("status", f"the call was not refused with {wanted}", call.why)


def _media(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    up_s = call.ended_s - (call.answered_s or 0.0)
    if call.media.packets == 0 and up_s >= SILENT_S:
        what = "one-way audio: nothing comes from the far end"
        why = f"the call was up for {up_s:.1f} s, the caller sent {call.media.sent} packets, none came back"
        yield Deviation("one_way_audio", what, why)
        return
    expected = script.expect.codec or call.media.agreed
    if script.expect.codec is not None and call.media.agreed and call.media.agreed != script.expect.codec:
        why = f"the far end's description chooses {call.media.agreed}"
        yield Deviation("codec", f"{script.expect.codec} was not agreed on", why)
    wrong = {name: count for name, count in call.media.codecs.items() if name not in (expected, call.media.agreed)}
    if wrong and expected:
        sent = ", ".join(f"{count} packets of {name}" for name, count in wrong.items())
        yield Deviation("codec", f"the far end sends another codec than {expected}", f"{sent} came")


def _steps(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    failure = call.failure
    if failure is not None:
        line = script.lines[failure.step] if failure.step < len(script.lines) else None
        yield Deviation(failure.kind, failure.what, failure.why, None, line)


def _limit(call: ObservedCall, name: str, limit: Limit) -> Iterator[Deviation]:
    measure = MEASURES[name]
    values = figures(call, name)
    if name == "response_ms" and limit.at_most is not None:
        yield from _responses(call, limit, is_measured=bool(values))
    elif not values and call.failure is None:
        yield Deviation(name, f"{name} was not measured", f"there was nothing to measure: {measure.what}")
    outside = [each for each in values if _is_outside(each.value, limit)]
    for each in outside[:SHOWN]:
        what = f"{name} is {each.value:.0f} {measure.unit}, {limit} was expected"
        yield Deviation(name, what, f"measured {measure.what}", each.at_s)
    if len(outside) > SHOWN:
        what = f"{name} is outside {len(outside)} times"
        yield Deviation(name, what, f"of {len(values)} in all; the first {SHOWN} are above")


def _responses(call: ObservedCall, limit: Limit, *, is_measured: bool) -> Iterator[Deviation]:
    """Answers that did not come, or of which nobody knows when they did."""
    if call.failure is not None:
        return  # the step that failed has said so already
    for sound, silence_s in unanswered(call):
        if 1_000 * silence_s > (limit.at_most or 0.0):
            why = f"the far end was silent for {1_000 * silence_s:.0f} ms after it; {limit} ms are allowed"
            yield Deviation("no_response", f"no answer to {sound.what!r}", why, sound.ended_s)
    for sound in () if is_measured else unmeasured(call)[:1]:
        why = f"the far end was speaking, and went on without a pause after {sound.what!r}: where it answers is unknown"
        todo = "wait until it has paused, or name the answer among `prompts`"
        yield Deviation("response_ms", "response_ms was not measured", f"{why}; {todo}", sound.ended_s)


def _is_outside(value: float, limit: Limit) -> bool:
    too_low = limit.at_least is not None and value < limit.at_least
    return too_low or (limit.at_most is not None and value > limit.at_most)


def _prompts(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    heard = [name for turn in call.turns for name, _ in turn.prompts]
    missing = _first_missing(script.expect.prompts, heard)
    if missing is not None:
        what = f"the prompt {missing!r} was not heard in its place"
        yield Deviation("prompts", what, f"heard: {', '.join(heard) or 'none that is known'}")


def _first_missing(expected: Sequence[str], heard: Sequence[str]) -> str | None:
    at = 0
    for name in expected:
        if name not in heard[at:]:
            return name
        at = heard.index(name, at) + 1
    return None


def _texts(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    at = 0
    for expected in script.expect.heard:
        found = next((n for n, each in enumerate(call.turns) if n >= at and has_words(each.text or "", expected)), None)
        if found is None:
            heard = "; ".join(_shown(each.text or "") for each in call.turns[at:][:SHOWN])
            yield Deviation("heard", f"{expected!r} was not heard", f"heard: {heard or 'nothing'}")
        else:
            at = found


def _ends(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    expected = script.expect.ended_by
    if expected is not None and call.ended_by != expected:
        if expected == "bot":
            yield Deviation("no_bye", "the far end did not hang up", f"no BYE came; {call.why}")
        else:
            yield Deviation("ended", f"the call was ended by {call.ended_by}", f"{expected} was expected; {call.why}")
    elif call.ended_by == "network":
        yield Deviation("ended", "the call was lost", call.why)
    wanted = script.expect.transfer_to
    if wanted is not None and wanted not in (call.transfer_to or ""):
        why = f"the REFER names {redacted_text(call.transfer_to)}" if call.transfer_to else "no REFER came"
        yield Deviation("transfer", f"the caller was not transferred to {wanted}", why)


def _keys(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    expected = script.expect.bot_keys
    differs = None if expected is None else difference(expected, call.keys)
    if differs is not None:
        why = f"{expected} was expected, the far end pressed {call.keys or 'nothing'}"
        yield Deviation(differs.kind, differs.what, why)


def _sip(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    for each in script.expect.sip:
        came = [message.text for message in call.messages if message.received and _is(each, message.text)]
        if len(came) < each.at_least or (each.at_most is not None and len(came) > each.at_most):
            most = "" if each.at_most is None else f", at most {each.at_most}"
            same = [one for one in call.messages if one.received and _begins(each, one.text)]
            why = f"it came {len(came)} times, at least {each.at_least}{most} was expected"
            if same and each.headers and not came:
                why = f"{len(same)} came with other headers: {_headers_in(same[0].text, each)}"
            wanted = "".join(f", {name} with {value!r}" for name, value in each.headers.items())
            yield Deviation("sip", f"SIP: {each.message}{wanted}", why)


def _begins(expected: SipExpectation, text: str) -> bool:
    first = text.partition("\r\n")[0]
    if expected.message.isdigit():
        return first.startswith(f"SIP/2.0 {expected.message} ")
    return first.startswith(f"{expected.message} ")


def _is(expected: SipExpectation, text: str) -> bool:
    return _begins(expected, text) and all(
        any(value in found for found in _values(text, name)) for name, value in expected.headers.items()
    )


def _values(text: str, name: str) -> list[str]:
    head = text.partition("\r\n\r\n")[0]
    return re.findall(rf"(?mi)^{re.escape(name)}[ \t]*:[ \t]*(.*?)\r?$", head)


def _headers_in(text: str, expected: SipExpectation) -> str:
    shown = redacted_text(text)
    found = {name: ", ".join(_values(shown, name)) for name in expected.headers}
    return "; ".join(f"{name}: {cut(values, SHOWN_CHARS) or 'none'}" for name, values in found.items())


def _requests(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    for each in script.expect.requests:
        to_path = [one for one in call.requests if one.path.partition("?")[0] == each.path]
        came = [one for one in to_path if each.method in ("", one.method) and each.body in one.body]
        if len(came) < each.at_least or (each.at_most is not None and len(came) > each.at_most):
            asked = "; ".join(f"{one.method} {one.path} {one.body[:100]}".strip() for one in call.requests[:SHOWN])
            most = "" if each.at_most is None else f", at most {each.at_most}"
            what = f"the bot made {len(came)} requests {each.method or 'to'} {each.path}"
            yield Deviation(
                "requests", what, f"at least {each.at_least}{most} were expected; it asked: {asked or 'nothing'}"
            )


def _record(script: Script, call: ObservedCall) -> Iterator[Deviation]:
    expect = script.expect
    if not expect.needs_record:
        return
    record = call.record
    if record is None:
        yield Deviation("record", "there is no record of the call", "only an offhook bot has one: --http HOST:PORT")
        return
    for name, wanted in expect.record.items():
        found = record.get(name)
        if str(found).lower() != wanted.lower():
            yield Deviation("record", f"the record's {name} is {_shown(found)}", f"{wanted!r} was expected")
    for who, texts in (("bot", expect.bot_said), ("caller", expect.caller_said)):
        lines = [str(line["text"]) for line in record.get("transcript", ()) if line["who"] == who]
        at = 0
        for wanted in texts:
            place = next((n for n, line in enumerate(lines) if n >= at and _contains(line, wanted)), None)
            if place is None:
                why = f"the transcript has: {'; '.join(map(_shown, lines[at:][: 2 * SHOWN])) or 'nothing'}"
                yield Deviation(f"{who}_said", f"the {who} did not say {wanted!r}", why)
            else:
                at = place
    entered = [str(each["name"]) for each in record.get("timeline", ()) if each["kind"] == "state"]
    missing = _first_missing(expect.steps, entered)
    if missing is not None:
        why = f"the dialog entered: {cut(', '.join(entered), SHOWN_CHARS) or 'none'}"
        yield Deviation("steps", f"the step {missing!r} was not entered in its place", why)
    if expect.keys_received is not None:
        yield from _compare_counts(expect.keys_received, keys_in(record))


def keys_in(record: Mapping[str, Any]) -> int:
    """How many keys the bot has taken: records count them, since they may be a PIN."""
    return sum(int(each["keys"]) for each in record.get("timeline", ()) if each["kind"] == "answer")


def _compare_counts(expected: int, found: int) -> Iterator[Deviation]:
    why = f"the bot's record counts {found} keys, {expected} were expected"
    if expected and found == 2 * expected:
        yield Deviation("keys_doubled", "keys came twice", why)
    elif found < expected:
        yield Deviation("keys_lost", "keys were lost", why)
    elif found > expected:
        yield Deviation("keys", "more keys came than expected", why)


def _shown(value: object) -> str:
    return cut(repr(value), SHOWN_CHARS)


def _contains(line: str, wanted: str) -> bool:
    return " ".join(words_of(wanted)) in " ".join(words_of(line))
