"""What encrypting recordings costs: the CPU of a call's recording, in the clear and encrypted, in turns.

python -m bench.encrypted [--calls 100] [--seconds 20] [--rounds 3]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from offhook.encryption.keys import Key, new_key
from offhook.records import RecordingWriter

FRAME_SAMPLES, FRAME_S = 160, 0.02


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    wanted = parser.parse_args()
    found: dict[str, list[float]] = {"in the clear": [], "encrypted": []}
    for _ in range(wanted.rounds):
        for name, key in (("in the clear", None), ("encrypted", new_key())):
            found[name].append(recorded(wanted.calls, wanted.seconds, key))
    medians = {name: statistics.median(values) for name, values in found.items()}
    for name, values in found.items():
        shown = ", ".join(f"{each:.3f}" for each in values)
        print(f"{name}: {medians[name]:.3f} milli-cores a call ({shown})")
    print(f"ratio: {medians['encrypted'] / medians['in the clear']:.2f}")


def recorded(calls: int, seconds: float, key: Key | None) -> float:
    """Milli-cores a call, of both sides in frames of 20 ms and in real time."""
    rng = np.random.default_rng(1)
    sound = rng.integers(-8_000, 8_000, (50, FRAME_SAMPLES)).astype("<i2")
    frames = [each.tobytes() for each in sound]
    with tempfile.TemporaryDirectory() as folder:
        writer = RecordingWriter(Path(folder), key)
        recorders = [writer.record() for _ in range(calls)]
        began, cpu = time.monotonic(), time.process_time()
        for number in range(round(seconds / FRAME_S)):
            frame = frames[number % len(frames)]
            for recorder in recorders:
                recorder.caller(frame, number * FRAME_SAMPLES)
                recorder.bot(frame, number * FRAME_SAMPLES)
            time.sleep(max(0.0, began + (number + 1) * FRAME_S - time.monotonic()))
        assert writer.close(30), "the disk is too slow"
        used_s = time.process_time() - cpu
        results = [recorder.close().result(5) for recorder in recorders]
        assert not any(result.truncated for result in results), "the disk is too slow"
    return 1_000 * used_s / seconds / calls


if __name__ == "__main__":
    main()
