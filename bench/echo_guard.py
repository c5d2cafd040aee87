"""How often the echo guard is wrong, on simulated calls through the real detector that nothing was tuned on.

    python -m bench.echo_guard --calls 1000 --seed 9000000

The first figure: of prompts whose echo comes back, with ±1 LSB of noise on the input, how many are interrupted although
nobody spoke. The second: of callers who speak over the echo, how many are accepted within 350 ms. About ten minutes a
thousand calls. For another kernel than this processor's set OPENBLAS_CORETYPE and NPY_DISABLE_CPU_FEATURES.
"""

import argparse

import numpy as np

from tests.pipeline.front_end.calls import new_front_end, run, simulate
from tests.rates import is_at_least

CUT_WITHIN_MS = 350
LSB = 1
CONFIDENCE = 0.95


def falsely_interrupted(seeds: range) -> int:
    """Prompts of which the echo alone was taken for a caller."""
    return sum(bool(run(simulate(seed, lsb=LSB), new_front_end()).starts()) for seed in seeds)


def spoken_over(seeds: range) -> tuple[list[float], int]:
    """Of callers who speak over the echo: ms until accepted (inf: never), and how many prompts were cut before that."""
    late_ms, false = [], 0
    for seed in seeds:
        call = simulate(seed, caller="over", lsb=LSB)
        assert call.caller_at is not None
        starts = run(call, new_front_end()).starts()
        after = [at for at in starts if at >= call.caller_at]
        late_ms.append((after[0] - call.caller_at) / 8 if after else float("inf"))
        false += bool(starts and starts[0] < call.caller_at)
    return late_ms, false


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.echo_guard", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=9_000_000, help="of the first call")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.calls)
    false = falsely_interrupted(seeds)
    print(_rate("echo alone: falsely interrupted", false, len(seeds)), flush=True)
    late_ms, false = spoken_over(seeds)
    print(_rate("a caller over the echo: falsely interrupted before", false, len(seeds)))
    print(_rate("… not accepted within 350 ms", sum(late > CUT_WITHIN_MS for late in late_ms), len(seeds)))
    p50, p95 = np.percentile(late_ms, [50, 95])
    print(f"… p50 {p50:.0f}, p95 {p95:.0f} ms")


def _rate(what: str, events: int, of: int) -> str:
    below, above = events / of, 1.0
    for _ in range(30):
        rate = (below + above) / 2
        below, above = (rate, above) if is_at_least(events, of, rate, CONFIDENCE) else (below, rate)
    bound = f"with {CONFIDENCE:.0%} confidence below {100 * above:.1f} %"
    return f"{what}: {events} of {of}, {100 * events / of:.1f} % ({bound})"


if __name__ == "__main__":
    main()
