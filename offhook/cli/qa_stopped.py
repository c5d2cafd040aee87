"""Commands that place calls end by a signal as by Ctrl-C: what they have begun ends with them, and what there is is
reported."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""Those that by default end a process at once, and leave its own behind."""

SIGNALLED = 128
"""What a shell adds to the number of the signal that has ended a process."""


@contextmanager
def ends_as_interrupted() -> Iterator[None]:
    """Meanwhile SIGTERM and SIGHUP are as SIGINT: a KeyboardInterrupt, or whatever an event loop makes of that. One
    that comes out ends the command with the status 128 and the signal's number. In the main thread alone."""
    received = [signal.SIGINT]
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGINT)}

    def interrupt(number: int, _: FrameType | None) -> None:
        received[0] = signal.Signals(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # so does a shell with what it runs in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    for number in SIGNALS:
        if before[number] is signal.SIG_DFL:  # under nohup a hang-up is ignored
            signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt as error:
        raise typer.Exit(SIGNALLED + received[0]) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
