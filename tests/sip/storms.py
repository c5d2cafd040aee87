"""The stateful tests of transactions, dialogs and transfers, for long:

    python -m tests.sip.storms --steps 50000

Ends with the number of steps; what fails is shown as in the tests, with the steps that lead there.
"""

import argparse
import sys
import time

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.offhook.transfer.test_transfer import AnyOrder
from tests.sip.dialog.test_rude_peer import RudePeer
from tests.sip.dialog.test_storm import Storm
from tests.sip.steps import Counted, some
from tests.sip.transaction.test_storm import Transactions

MACHINES: tuple[type[Counted], ...] = (Storm, RudePeer, Transactions, AnyOrder)
AT_ONCE = 5_000


def main() -> None:
    options = argparse.ArgumentParser(
        prog="python -m tests.sip.storms", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--steps", type=int, default=50_000)
    steps = options.parse_args().steps
    begun, counts = time.monotonic(), dict.fromkeys(MACHINES, 0)
    while sum(counts.values()) < steps:
        for machine in MACHINES:
            before = Counted.taken[0]
            run_state_machine_as_test(machine, settings=settings(some(AT_ONCE), database=None))
            counts[machine] += Counted.taken[0] - before
        notified = ", ".join(f"{machine.__name__} {count:,}" for machine, count in counts.items())
        sys.stdout.write(f"{sum(counts.values()):,} steps in {time.monotonic() - begun:.0f} s: {notified}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
