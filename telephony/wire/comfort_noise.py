"""The comfort-noise payload (RFC 3389 §3): how loud the silence is, and of what colour."""

from typing import NamedTuple

from offhook.telephony.errors import WireError

MAX_LEVEL = 127
"""The quietest that seven bits can say: -127 dBov, digital silence."""

MAX_ORDER = 12
"""Reflection coefficients that are read; §3 lets a receiver take those beyond for zero."""

_RESERVED = 255
_CENTRE = 127
_STEP = 258 / 32_768


class ComfortNoise(NamedTuple):
    """`level` in -dBov (0 loudest, 127 silence); `reflection` the coefficients of an all-pole model, |k| < 1.

    The model is 1/A(z) with A = 1 + k1 z**-1 for a single coefficient: a negative k1 is noise with more lows.
    """

    level: int
    reflection: tuple[float, ...] = ()


def parse(payload: bytes) -> ComfortNoise:
    """Read a payload. Raises WireError for an empty one; a reserved coefficient (255) ends the model."""
    if not payload:
        raise WireError("comfort noise: no level")
    coefficients = payload[1 : 1 + MAX_ORDER]
    end = coefficients.find(_RESERVED)
    if end >= 0:
        coefficients = coefficients[:end]
    # §3.1: the upper bit of the level has no meaning.
    return ComfortNoise(payload[0] & MAX_LEVEL, tuple((each - _CENTRE) * _STEP for each in coefficients))


def build(noise: ComfortNoise) -> bytes:
    """Write a payload. Raises ValueError for a number that does not fit."""
    level, reflection = noise
    if not 0 <= level <= MAX_LEVEL or any(not abs(each) < 1 for each in reflection):
        raise ValueError(f"comfort noise: out of range: {noise}")
    return bytes((level, *(round(each / _STEP) + _CENTRE for each in reflection)))
