"""What was noted during a call, as one value for the verdict."""

from collections.abc import Iterator, Mapping
from typing import Any

from offhook.qa.caller.scripted_call import LEAD_TICKS, Leg, ScriptedCall
from offhook.qa.caller.turns import Turn
from offhook.qa.verdict.distribution import percentile
from offhook.qa.verdict.fingerprint import frames_of
from offhook.qa.verdict.observed import (
    BotTurn,
    CallerSound,
    Gap,
    HttpRequest,
    MediaFigures,
    Message,
    ObservedCall,
    Repeated,
)
from offhook.qa.verdict.repetition import repetition
from offhook.qa.verdict.speech_quality import clipping_percent, holes, speech_level_dbfs
from offhook.telephony.pcm import RATE_HZ


def observed(
    call: ScriptedCall, leg: Leg, record: Mapping[str, Any] | None, requests: tuple[HttpRequest, ...] = ()
) -> ObservedCall:
    """Everything that was seen and heard, with times since the INVITE."""
    signalling = leg.signalling
    zero = signalling.invited_s
    ended_s = signalling.ended_s if signalling.ended_s is not None else zero
    audio = {each.number: call.received.between(each.began_tick, each.ended_tick) for each in call.meter.turns}
    return ObservedCall(
        answered_s=None if signalling.answered_s is None else signalling.answered_s - zero,
        ended_s=ended_s - zero,
        ended_by=signalling.ended_by,
        why=signalling.why,
        status=signalling.status,
        turns=tuple(
            BotTurn(
                each.began_s - zero,
                each.ended_s - zero,
                speech_level_dbfs(audio[each.turn]),
                tuple((one.name, one.missing_ms) for one in each.prompts),
                each.text,
                tuple(one.at_s + one.missing_ms / 1_000 - zero for one in each.prompts),
            )
            for each in call.spoken
            if each.ended_s > (signalling.answered_s or 0.0)
        ),
        sounds=tuple(
            CallerSound(each.kind, each.what, each.began_s - zero, each.ended_s - zero) for each in call.outgoing.sounds
        ),
        gaps=tuple(
            Gap(each.at_s - zero, round(each.hole_ms, 1), each.is_lost) for each in holes(call.received.arrivals)
        ),
        repeated=tuple(_repeated(call, zero)),
        keys="".join(key for _, key in call.received.keys),
        media=_media(call, b"".join(audio.values())),
        messages=tuple(Message(each.at_s - zero, each.received, each.text) for each in leg.messages),
        transfer_to=signalling.transfer_to,
        requests=requests,
        record=record,
        failure=call.failure,
        steps_done=min(call.runner.step, len(call.script.steps)),
    )


def _repeated(call: ScriptedCall, zero_s: float) -> Iterator[Repeated]:
    """What the far end says twice with no sound of the caller's in between."""
    for answer in _answers(call):
        began_tick = max(0, answer[0].began_tick - LEAD_TICKS)
        found = repetition(frames_of(call.received.between(began_tick, answer[-1].ended_tick)))
        if found is not None:
            lead_s = (answer[0].began_tick - began_tick) / RATE_HZ
            at_s = answer[0].began_s - lead_s + found.again_ms / 1_000 - zero_s
            yield Repeated(round(at_s, 3), found.repeated_ms)


def _answers(call: ScriptedCall) -> list[list[Turn]]:
    """The far end's turns, those together between which the caller finished nothing."""
    found: list[list[Turn]] = []
    for turn in call.meter.turns:
        before = found[-1][-1] if found else None
        if before is None or any(before.began_s < each.ended_s <= turn.began_s for each in call.outgoing.sounds):
            found.append([])
        found[-1].append(turn)
    return found


def _media(call: ScriptedCall, speech: bytes) -> MediaFigures:
    received, media = call.received, call.media
    late_ms = call.late_ms
    agreed = media.agreed.codec if media is not None and media.agreed is not None else ""
    drift = received.drift
    return MediaFigures(
        packets=len(received.arrivals),
        lost=received.lost,
        loss_percent=round(received.loss_percent, 2),
        duplicates=received.duplicates,
        jitter_ms=round(received.jitter_ticks / 8, 2),
        drift_ppm=None if drift is None else round(drift.ppm, 1),
        drift_error_ppm=0.0 if drift is None else round(drift.error_ppm, 1),
        clipping_percent=round(clipping_percent(speech), 3),
        codecs=received.codec_names(),
        agreed=agreed,
        sent=media.sent if media is not None else 0,
        sent_late_p99_ms=round(percentile(late_ms, 99), 2) if late_ms else 0.0,
        left_out=received.left_out,
    )
