"""Fits the wideband acoustic model to phone speech.

The model bundled with pocketsphinx was trained on 130-6800 Hz; a phone line carries nothing above 3.4 kHz, so the upper
mel filters are constant where the model expects speech, and an "s" is taken for almost anything. The effect of the
missing band on a cepstrum is linear and known: transform back from cepstrum to filter energies, zero the lost filters,
and transform forth again. Given to the decoder as an MLLR transform of its means (Leggetter & Woodland 1995), it needs
no training data. The constant is removed by cepstral mean normalisation, and deltas transform like the statics.
"""

import numpy as np

FILTERS = 25
CEPSTRA = 13
LIFTER = 22
LOWER_HZ = 130.0
UPPER_HZ = 6_800.0
STREAMS = 3
"""Feature streams, CEPSTRA wide each: statics, deltas, delta-deltas (see the model's feat.params)."""

CUTOFF_HZ = 3_500.0
"""Filters centred above this are lost."""


def lost_band_matrix(cutoff_hz: float = CUTOFF_HZ) -> np.ndarray:
    """The effect on the model's cepstra of losing everything above `cutoff_hz`: [CEPSTRA, CEPSTRA]."""
    filters = np.arange(FILTERS)
    cepstra = np.arange(CEPSTRA)
    edges_mel = np.linspace(_mel(LOWER_HZ), _mel(UPPER_HZ), FILTERS + 2)
    kept = np.diag((edges_mel[1:-1] <= _mel(cutoff_hz)).astype(float))
    dct = np.sqrt(2.0 / FILTERS) * np.cos(np.pi / FILTERS * np.outer(cepstra, filters + 0.5))
    dct[0] /= np.sqrt(2.0)
    lifter = 1.0 + LIFTER / 2.0 * np.sin(np.pi / LIFTER * cepstra)
    matrix: np.ndarray = (lifter[:, None] * (dct @ kept @ dct.T)) / lifter[None, :]
    return matrix


def mllr_text(cutoff_hz: float = CUTOFF_HZ) -> str:
    """The transform as the text of a sphinx MLLR file: one class, no bias, variances unchanged."""
    rows = [" ".join(f"{value:.6f}" for value in row) for row in lost_band_matrix(cutoff_hz)]
    bias = " ".join(["0.0"] * CEPSTRA)
    scale = " ".join(["1.0"] * CEPSTRA)
    stream = "\n".join([str(CEPSTRA), *rows, bias, scale])
    return "\n".join(["1", str(STREAMS), *([stream] * STREAMS)]) + "\n"


def _mel(hz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hz / 700.0))
