"""What the processes of a node share about their engines: failures, and what was used today. Pure.

Each process writes its own row for each engine, and reads those of all. There is no lock, so a process that dies or
stops in the middle of an update holds up nobody; the price is that two processes may now and then probe an engine at
the same moment. A process that takes the place of a dead one goes on with its row.
"""

import mmap
from collections.abc import MutableSequence
from enum import IntEnum
from typing import cast


class Cell(IntEnum):
    """The figures of a row. Times are monotonic seconds, which all processes of a machine share."""

    SUCCEEDED_AT = 0
    FAILED_AT = 1  # the latest failures: this one and the two cells after it
    OPENED_AT = 4
    TRIPS = 5
    PROBED_AT = 6
    DAY = 7  # days since 1970, of the three figures after it
    AUDIO_S = 8
    CHARACTERS = 9
    COST = 10


FAILURES = 3
"""Cells of FAILED_AT."""

CELLS = 11
_CELL_BYTES = 8

Cells = MutableSequence[float]


def private_cells(processes: int, engines: int) -> Cells:
    """The table of a single process."""
    return [0.0] * (processes * engines * CELLS)


def shared_cells(processes: int, engines: int) -> Cells:
    """A table for this process and those that are forked from it later."""
    memory = mmap.mmap(-1, max(1, processes * engines * CELLS) * _CELL_BYTES)  # anonymous, zeroed
    return cast(Cells, memoryview(memory).cast("d"))


class EngineRows:
    """The rows of one engine: number `engine` of `engines`, seen from process number `process`."""

    def __init__(self, cells: Cells, *, engine: int = 0, engines: int = 1, process: int = 0) -> None:
        self._cells = cells
        self._own = (process * engines + engine) * CELLS
        self._bases = range(engine * CELLS, len(cells), engines * CELLS)

    def get(self, cell: int) -> float:
        """A figure of this process."""
        return self._cells[self._own + cell]

    def set(self, cell: int, value: float) -> None:
        """Write a figure of this process."""
        self._cells[self._own + cell] = value

    def all(self, cell: int) -> list[float]:
        """A figure of every process."""
        return [self._cells[base + cell] for base in self._bases]
