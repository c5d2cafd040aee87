"""Fuzzes one target:

    python -m fuzz session --runs 10000000
    python -m fuzz session --seconds 60
    python -m fuzz session --input FILE       repeats what an earlier run found

An input that fails is written to reports/fuzz/, and the exit status is not 0. Inputs that reached new code are kept
there as well, and the next run starts from them. Needs atheris (libFuzzer for Python).
"""

import argparse
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "reports" / "fuzz"
FOLLOWED = {
    "rtp": ("offhook.telephony.wire",),
    "rtcp": ("offhook.telephony.wire",),
    "event": ("offhook.telephony.wire",),
    "jitter": ("offhook.telephony.rtp",),
    "session": ("offhook.telephony.rtp",),
    "twilio": ("offhook.telephony.media_streams",),
    "websocket": ("offhook.web.websocket_frames",),
    "sdp": ("offhook.sip",),
    "sip": ("offhook.sip",),
}
"""The packages whose branches guide the fuzzer. Instrumented code runs several times slower."""
SLOWEST_S = 10
MEMORY_MIB = 1_024


def parser() -> argparse.ArgumentParser:
    """The command line."""
    options = argparse.ArgumentParser(
        prog="python -m fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("target", choices=sorted(FOLLOWED))
    options.add_argument("--runs", type=int, default=-1, help="how many inputs (-1: until the time is up)")
    options.add_argument("--seconds", type=int, default=0, help="how long (0: no limit)")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--folder", type=Path, default=FOLDER, help="where findings and the corpus are kept")
    options.add_argument("--input", type=Path, help="only this input")
    return options


def main() -> None:
    """The command. Does not return after fuzzing: libFuzzer ends the process."""
    given = parser().parse_args()
    if given.input is not None:
        from fuzz.targets import TARGETS  # noqa: PLC0415 - not yet: the fuzzer has to see it being imported

        TARGETS[given.target](given.input.read_bytes())
        return
    # Repeating an input does not need it.
    import atheris  # type: ignore[import-untyped, unused-ignore]  # noqa: PLC0415

    with atheris.instrument_imports(include=FOLLOWED[given.target]):
        from fuzz.seeds import write  # noqa: PLC0415
        from fuzz.targets import MAX_BYTES, TARGETS  # noqa: PLC0415

    corpus = given.folder / given.target
    write(corpus, given.target)
    arguments = [
        sys.argv[0],
        f"-runs={given.runs}",
        f"-max_total_time={given.seconds}",
        f"-max_len={MAX_BYTES[given.target]}",
        f"-seed={given.seed}",
        f"-timeout={SLOWEST_S}",
        f"-rss_limit_mb={MEMORY_MIB}",
        f"-artifact_prefix={given.folder}/{given.target}-",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup(arguments, TARGETS[given.target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
