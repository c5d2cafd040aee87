"""The system's limits on this process."""

import ctypes
import os
import resource
from contextlib import suppress
from pathlib import Path

DESCRIPTORS_A_CALL = 3
"""RTP, RTCP, a recording; a stream has two."""
DESCRIPTORS_RESERVED = 48
"""In reserve: pipes of replaced engines, the database, web requests."""
MEMORY_A_CALL_BYTES = 1 << 20
"""Several times the measured value."""
MEMORY_RESERVED_BYTES = 128 << 20
"""In reserve: threads, models' scratch space."""

_M_ARENA_MAX = -8  # <malloc.h>


def cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def raise_descriptor_limit() -> int:
    """Raise the soft limit of descriptors to the hard limit; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # some systems grant less than the hard limit
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def calls_by_descriptors(limit: int) -> int:
    """How many calls the unused descriptors allow (asked before any call)."""
    try:
        used = len(os.listdir("/proc/self/fd"))
    except OSError:
        used = 64
    return max(0, (limit - used - DESCRIPTORS_RESERVED) // DESCRIPTORS_A_CALL)


def calls_by_memory() -> int | None:
    """How many more calls the address space allows; None without a limit (RLIMIT_AS)."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return None
    left = limit - pages * resource.getpagesize() - MEMORY_RESERVED_BYTES
    return max(0, left // MEMORY_A_CALL_BYTES)


def spare_address_space() -> None:
    """With a limited address space, let glibc reserve 64 MiB of it once, and not for every few threads."""
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
