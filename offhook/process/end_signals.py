"""The signals that by default end a process, and with it its calls without a BYE: what they do here."""

import signal

DRAINING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPWR)
"""The first of these drains, the second one ends at once. LXC stops a container by SIGPWR."""

AT_ONCE = (signal.SIGQUIT,)

IGNORED: tuple[int, ...] = (
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGVTALRM,
    signal.SIGPROF,
    signal.SIGIO,
    signal.SIGSTKFLT,
    signal.SIGXCPU,
    *range(signal.SIGRTMIN, signal.SIGRTMAX + 1),
)

ENDING: tuple[int, ...] = (*DRAINING, *AT_ONCE, *IGNORED)
"""All of them; those that report a fault of the program itself are left alone."""


def name_of(number: int) -> str:
    """As in signal(7)."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIGRTMIN+{number - signal.SIGRTMIN}"
