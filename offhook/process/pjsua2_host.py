"""A worker's calls over PJSIP: its user agent and its carrier, and what passes between them and the supervisor."""

from offhook.calls.registry import Calls
from offhook.calls.services import Services
from offhook.carriers.pjsua2.calls import PjsuaCarrier, PjsuaResources
from offhook.carriers.pjsua2.messages import Probed
from offhook.carriers.pjsua2.user_agent import PjsuaUserAgent
from offhook.process.messages import Execute, Signalled
from offhook.process.remote import Send
from offhook.sip.commands import CommandFailed
from offhook.sip.errors import LocalError
from offhook.sip.events import Event
from offhook.sip.net.address import Address
from offhook.telephony.net.clock import MediaClock
from offhook.telephony.net.ports import PortPool


class Pjsua2Host:
    """One of a worker. Commands take the same way as with our own user agent: calls send them to the supervisor, which
    counts and completes them, and it has them executed here."""

    def __init__(
        self, services: Services, calls: Calls, send: Send, address: Address, ports: PortPool, clock: MediaClock
    ) -> None:
        self._send = send
        self.user_agent = PjsuaUserAgent(services.config, address, self._on_event, services.metrics.sip_refused)
        resources = PjsuaResources(send, address, ports, clock, user_agent=self.user_agent)
        self.carrier = PjsuaCarrier(services, calls, resources)

    def execute(self, message: Execute) -> None:
        """A command of the supervisor, or of a call, by way of it."""
        try:
            self.user_agent.do(message.command)
        except LocalError as error:
            # Usually the dialog ended while the command was on its way.
            self.carrier.on_event(CommandFailed(message.command, str(error)))

    def free(self, now: float) -> int:
        """How many more calls PJSIP takes."""
        return self.user_agent.free

    def _on_event(self, event: Event | Probed) -> None:
        self._send(Signalled(event))
