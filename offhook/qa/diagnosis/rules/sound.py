"""What is in the audio of a stream: silence, clipping, level."""

from collections.abc import Iterator

from offhook.qa.diagnosis.analysis import Analysis, MediaStream
from offhook.qa.diagnosis.rules.words import whose
from offhook.qa.findings import Finding, Limits

LEAST_S = 3.0
"""Of audio, before silence says anything."""
LEAST_SPEECH_S = 1.0
LEAST_CLIPPED_S = 0.05


def findings(_: Analysis, stream: MediaStream, limits: Limits) -> Iterator[Finding]:
    """Of one stream."""
    audio = stream.summary.audio if stream.summary is not None else None
    if audio is None:
        return
    call = stream.call.number if stream.call is not None else 0
    level = audio.speech_level_dbov
    if level is None:
        if audio.duration_s >= LEAST_S and not _presses_keys(stream):
            yield Finding(
                "silence",
                f"{whose(stream)} is silent",
                f"in {audio.duration_s:.1f} s of audio nothing is louder than -60 dBov, though packets came",
                "look for a muted microphone, the wrong sound device, or a player without a file",
                call,
                stream.number,
            )
        return
    if audio.clipped_s >= LEAST_CLIPPED_S and audio.clipped_s > limits.clipped_share * audio.speech_s:
        yield Finding(
            "clipping",
            f"{whose(stream)} is clipped",
            f"{audio.clipped_s:.2f} s of {audio.speech_s:.1f} s of speech are at full scale, cut flat; the level is "
            f"{level:.0f} dBov",
            "reduce the gain before the encoder; -26 dBov is the usual level of speech (ITU-T P.56, G.169)",
            call,
            stream.number,
        )
    if audio.speech_s < LEAST_SPEECH_S:
        return
    if level > limits.loudest_dbov or level < limits.quietest_dbov:
        loud = level > limits.loudest_dbov
        yield Finding(
            "too_loud" if loud else "too_quiet",
            f"{whose(stream)} is too {'loud' if loud else 'quiet'}",
            f"the active speech level is {level:.0f} dBov (ITU-T P.56); -26 dBov is usual, "
            f"{limits.quietest_dbov:g} to {limits.loudest_dbov:g} the limits",
            f"{'reduce' if loud else 'raise'} the gain of what is played or of the microphone",
            call,
            stream.number,
        )


def _presses_keys(stream: MediaStream) -> bool:
    """Whether its sender pressed keys: who does that says nothing, and may have muted the microphone on purpose."""
    by_info = stream.call is not None and stream.from_caller is not None and stream.call.keys[stream.from_caller]
    return bool(by_info) or (stream.summary is not None and stream.summary.events > 0)
