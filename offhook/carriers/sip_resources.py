"""What the SIP calls of a process share."""

from collections.abc import Callable
from dataclasses import dataclass

from offhook.calls.captures import Captures
from offhook.sip.commands import Command
from offhook.sip.net.address import Address
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool


@dataclass(frozen=True, slots=True)
class SipResources:
    """Shared by the SIP calls of one process, besides what all calls share.

    `do` passes a command to the user agent, in this process or another; it never raises: a failure comes back as the
    event `CommandFailed`. `address` is the bound address of the user agent's socket.
    """

    do: Callable[[Command], None]
    address: Address
    ports: PortPool
    clock: MediaClock
    captures: Captures | None = None
