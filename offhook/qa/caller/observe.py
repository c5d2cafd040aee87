"""What was noted during a call, as one value for the verdict."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from offhook.qa.caller.scripted_call import Leg, ScriptedCall
from offhook.qa.verdict.observed import BotTurn, CallerSound, Gap, HttpRequest, MediaFigures, Message, ObservedCall
from offhook.qa.verdict.speech_quality import clipping_percent, holes, speech_level_dbfs


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
        keys="".join(key for _, key in call.received.keys),
        media=_media(call, b"".join(audio.values())),
        messages=tuple(Message(each.at_s - zero, each.received, each.text) for each in leg.messages),
        transfer_to=signalling.transfer_to,
        requests=requests,
        record=record,
        failure=call.failure,
        steps_done=min(call.runner.step, len(call.script.steps)),
    )


def _media(call: ScriptedCall, speech: bytes) -> MediaFigures:
    received, media = call.received, call.media
    late_ms = media.late_ms if media is not None else []
    agreed = media.agreed.codec if media is not None and media.agreed is not None else ""
    return MediaFigures(
        packets=len(received.arrivals),
        lost=received.lost,
        loss_percent=round(received.loss_percent, 2),
        duplicates=received.duplicates,
        jitter_ms=round(received.jitter_ticks / 8, 2),
        clipping_percent=round(clipping_percent(speech), 3),
        codecs=received.codec_names(),
        agreed=agreed,
        sent=media.sent if media is not None else 0,
        sent_late_p99_ms=round(float(np.percentile(late_ms, 99)), 2) if late_ms else 0.0,
    )
