"""DTMF as events (RFC 4733), as tones in the audio, by INFO: lost ends, doubled digits, several ways at once."""

from collections.abc import Iterator, Sequence

from offhook.qa.diagnosis.analysis import Analysis, MediaStream
from offhook.qa.diagnosis.calls import Call
from offhook.qa.diagnosis.rules.words import side, whose
from offhook.qa.findings import Finding, Limits
from offhook.qa.rtp.dtmf import Press


def findings_of_stream(_: Analysis, stream: MediaStream, __: Limits) -> Iterator[Finding]:
    """Of one stream."""
    summary = stream.summary
    if summary is None or not summary.events:
        return
    call = stream.call.number if stream.call is not None else 0
    for kind, presses, what, why, todo in (
        (
            "dtmf_without_end",
            summary.unended,
            "have no end",
            "none of the three packets with the end bit came (RFC 4733 §2.5.1.4): some receivers lose the digit, "
            "others hold it until they give up",
            "look for loss at that moment; without any, the sender stops too early",
        ),
        (
            "dtmf_doubled",
            summary.doubled,
            "come twice",
            "the same digit begins again, with another timestamp, less than 40 ms after its end: it counts as two",
            "look for something between that repeats events with new timestamps, or sends on both legs",
        ),
        (
            "dtmf_timestamps",
            summary.moving,
            "have timestamps that move",
            "all packets of a digit have the timestamp of its beginning (RFC 4733 §2.5.1.2); some receivers take each "
            "for a digit of its own",
            "report it to the maker of the sender; offhook takes it for one digit",
        ),
    ):
        if presses:
            said = f"DTMF digits of {whose(stream)} {what}: {_named(presses)}"
            yield Finding(kind, said, why, todo, call, stream.number, presses[0].began_s)


def findings_of_call(call: Call, streams: Sequence[MediaStream]) -> Iterator[Finding]:
    """Of one call, its ways to send keys together."""
    for by_caller in (True, False):
        own = [each for each in streams if each.from_caller is by_caller and each.summary is not None]
        ways = {
            "events": "".join(each.summary.digits for each in own if each.summary is not None),
            "tones": "".join(
                each.summary.audio.keys for each in own if each.summary is not None and each.summary.audio is not None
            ),
            "INFO": "".join(key for _, key in call.keys[by_caller]),
        }
        used = {way: keys for way, keys in ways.items() if keys}
        receiver = call.of_side(caller=not by_caller)
        agreed = any(each.has_events for each in receiver)
        if len(used) > 1:
            shown = ", ".join(f"{keys} as {way}" for way, keys in used.items())
            yield Finding(
                "dtmf_two_ways",
                f"the {side(by_caller)}'s DTMF comes in several ways: {shown}",
                "a receiver that takes more than one of them has each digit twice",
                "switch all but one off at the sender (events of RFC 4733 are usual), and take tones out of the audio",
                call.number,
            )
        elif ways["tones"] and agreed:
            yield Finding(
                "dtmf_in_audio",
                f"the {side(by_caller)}'s DTMF is tones in the audio: {ways['tones']}",
                "events (RFC 4733) were agreed on, so that the receiver may not listen for tones",
                "switch the sender to events",
                call.number,
            )
        if ways["events"] and receiver and not agreed:
            yield Finding(
                "dtmf_not_agreed",
                f"the {side(by_caller)} sends DTMF as events, which were not agreed on: {ways['events']}",
                f"the {side(not by_caller)} described no telephone-event, and need not understand them (RFC 4733 §2.1)",
                "switch telephone-event on at the receiver, or tones on at the sender",
                call.number,
            )


def _named(presses: Sequence[Press]) -> str:
    shown = " ".join(each.key for each in presses[:20])
    return f"{shown} …" if len(presses) > 20 else shown
