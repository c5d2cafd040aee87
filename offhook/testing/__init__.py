"""For testing bots: a simulated call in virtual time; and on the wire callers, carriers, and a bad network."""

from offhook.testing.flows import flow, flow_coverage
from offhook.testing.simulated_call import SimulatedCall
from offhook.testing.virtual_time import NothingHappensError, VirtualLoop, run

__all__ = ["NothingHappensError", "SimulatedCall", "VirtualLoop", "flow", "flow_coverage", "run"]
