"""What the SIP calls of a process share."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.calls.captures import Captures
from offhook.carriers.place_call import LegWanted
from offhook.queues.messages import ToOwner
from offhook.sip.commands import Command
from offhook.sip.net.address import Address
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool


@dataclass(frozen=True, slots=True)
class SipResources:
    """Shared by the SIP calls of one process, besides what all calls share.

    `do` passes a command to the user agent, or a wish for another leg to `CallsOut`, in this process or another; it
    never raises: a failure comes back as the event `CommandFailed`, or `LegRefused`. `address` is the bound address of
    the user agent's socket.
    """

    do: Callable[[Command | LegWanted | ToOwner], None]
    address: Address
    ports: PortPool
    clock: MediaClock
    captures: Captures | None = None
