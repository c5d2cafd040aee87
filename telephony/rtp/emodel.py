"""The E-model (ITU-T G.107): call quality as a MOS, from what a receiver of G.711 can measure.

Delay and loss are the only inputs; echo, loudness and room noise keep the recommendation's defaults, which leaves
R = 93.2 - Idd - Ie,eff.
"""

import math

BEST_R = 93.2
"""R of a narrow-band call with every parameter at its default (G.107 §7.7)."""

IE = 0.0
"""Equipment impairment of G.711 (G.113 Appendix I, table I.1)."""

BPL_CONCEALED = 25.1
"""Robustness of G.711 against packet loss with concealment (G.113 Appendix I, table I.4)."""

_ABSOLUTE_DELAY_FREE_MS = 100.0


def r_factor(delay_ms: float, loss: float, *, burst_ratio: float = 1.0) -> float:
    """R (0 to 93.2) of one direction.

    `delay_ms` is from mouth to ear, one way; `loss` the share of packets that were not there when they were needed,
    0 to 1; `burst_ratio` the mean length of a loss run over that of random loss, 1 or more.
    """
    return max(0.0, BEST_R - delay_impairment(delay_ms) - loss_impairment(loss, burst_ratio=burst_ratio))


def delay_impairment(delay_ms: float) -> float:
    """Idd of G.107 (7-26): nothing up to 100 ms, 9 at 250 ms, 24 at 400 ms."""
    if delay_ms <= _ABSOLUTE_DELAY_FREE_MS:
        return 0.0
    x = math.log2(delay_ms / _ABSOLUTE_DELAY_FREE_MS)
    return 25.0 * (math.pow(1 + x**6, 1 / 6) - 3 * math.pow(1 + (x / 3) ** 6, 1 / 6) + 2)


def loss_impairment(loss: float, *, burst_ratio: float = 1.0, bpl: float = BPL_CONCEALED) -> float:
    """Ie,eff of G.107 (7-29)."""
    percent = 100 * min(1.0, max(0.0, loss))
    return IE + (95 - IE) * percent / (percent / max(1.0, burst_ratio) + bpl)


def burst_ratio(lost: int, runs: int, loss: float) -> float:
    """Mean length of `runs` runs of `lost` packets over 1/(1 - loss), that of random loss; at least 1 (G.107 §7.6)."""
    return max(1.0, lost / runs * (1 - loss)) if runs > 0 else 1.0


def mean_opinion(r: float) -> float:
    """The estimated MOS of conversational quality, 1.0 to 4.5 (G.107 Annex B)."""
    if r <= 0:
        return 1.0
    r = min(r, 100.0)
    # Below 6.5 the polynomial dips under the scale's end.
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
