"""What the system grants this process."""

import os
import resource
from contextlib import suppress

DESCRIPTORS_A_CALL = 3
"""RTP, RTCP, a recording; a stream has two."""
DESCRIPTORS_RESERVED = 48
"""For what comes and goes besides: pipes of engines that are replaced, the database, web requests."""


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def raise_descriptor_limit() -> int:
    """Take as many descriptors as are granted for the asking; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # a system may grant less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def calls_by_descriptors(limit: int) -> int:
    """How many calls this process could have beside what it has open now (before any call)."""
    try:
        used = len(os.listdir("/proc/self/fd"))
    except OSError:
        used = 64
    return max(0, (limit - used - DESCRIPTORS_RESERVED) // DESCRIPTORS_A_CALL)
