"""The supervisor's side of a user agent that a worker has: PJSIP, whose signalling and media are one library.

In place of sockets it has the worker: commands go there, and what happens comes from there. It keeps what a worker that
replaces a lost one has to do again: the registrations. All else that the supervisor asks of an endpoint, such as
the DNS, is that of `Endpoint`; its own user agent gets no message, and so has nothing to show.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from offhook.carriers.dns_records import dns_records
from offhook.carriers.pjsua2 import library
from offhook.carriers.pjsua2.messages import Probed
from offhook.carriers.pjsua2.setup import check, uses_tls
from offhook.process.free_ports import free_address
from offhook.process.messages import Execute, Signalled, SignallingReady
from offhook.process.sockets import open_endpoint
from offhook.process.tls_files import open_tls
from offhook.process.worker_handle import WorkerDiedError, WorkerHandle, WorkerState
from offhook.settings.config import Config
from offhook.sip.commands import Answer, Command, MoveRegistration, Register, Reject, Unregister
from offhook.sip.errors import LocalError
from offhook.sip.events import Event, IncomingCall
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Flow, Target, Transport
from offhook.sip.net.resolver import Resolver
from offhook.sip.ua import UserAgent
from offhook.sip.uas import Admit
from offhook.sip.uas_checks import Refusal
from offhook.usererror import UserError


class _Elsewhere:
    """A transport whose sockets a worker has."""

    is_open = True

    def __init__(self, local: Address) -> None:
        self.local = local

    def flows(self, now: float) -> list[dict[str, object]]:
        """Not known here."""
        return []

    def send(self, data: bytes, flow: Flow) -> None:
        """Nothing is sent from here."""

    def own_port(self, flow: Flow) -> int:
        """Not known here; and no message is written here that would need it."""
        return self.local.port

    def keep_alive(self, flow: Flow) -> None:
        """PJSIP does so."""

    def close(self) -> None:
        """Nothing to close."""


class RemoteEndpoint(Endpoint):
    """`workers` are the bot's, of which there is one; `admit` returns why a new call is refused."""

    def __init__(
        self,
        config: Config,
        address: Address,
        on_event: Callable[[Event], None],
        admit: Admit,
        workers: Iterable[WorkerHandle],
    ) -> None:
        super().__init__(on_event, asyncio.get_running_loop())
        self._workers = workers
        self._admit = admit
        self._address = address
        self._registers: dict[str, Register] = {}
        ways = [Transport.UDP, *([Transport.TCP] if config.sip.tcp else ())]
        for way in ways:
            self._transports[way] = _Elsewhere(address)
        if uses_tls(config):
            self._transports[Transport.TLS] = _Elsewhere(Address(address.host, config.sip.tls_port))
        self.resolver = Resolver(dns_records(config.sip), self._transports, ipv6=":" in address.host)
        self._ua = UserAgent({way: each.local for way, each in self._transports.items()})

    def do(self, command: Command) -> str:
        """Have the worker's user agent execute it; what fails comes back as an event. Raises LocalError: nobody can."""
        match command:
            case Register(call=name):
                self._registers[name] = command
            case MoveRegistration(call=name, destination=Target() as target) if name in self._registers:
                before = self._registers[name]
                self._registers[name] = Register(
                    name, before.registrar, before.aor, before.contact_user, before.expires_s, target,
                    auth_user=before.auth_user,
                )  # fmt: skip
            case Unregister(call=name):
                self._registers.pop(name, None)
        if self._closed or not self._execute(command):
            raise LocalError("the process that has PJSIP is not there")
        return command.call

    def _execute(self, command: Command) -> bool:
        worker = next(iter(self._workers), None)
        if worker is None or worker.state is WorkerState.GONE:
            return False
        worker.send(Execute(command))
        return True

    def from_worker(self, message: Signalled | SignallingReady) -> None:
        """What the worker's user agent reports; or that it is there, perhaps in place of one that was lost."""
        if isinstance(message, SignallingReady):
            for register in self._registers.values():
                self._execute(register)
            return
        event = message.event
        if isinstance(event, Probed):
            refused = self._admit("OPTIONS", event.source)
            self._execute(Answer(event.call, b"") if refused is None else _rejection(event.call, refused))
        elif isinstance(event, IncomingCall) and (refused := self._admit("INVITE", event.source)) is not None:
            self._execute(_rejection(event.call, refused))
        else:
            self._deliver(event)


def _rejection(call: str, refused: Refusal) -> Reject:
    return Reject(call, refused.status, refused.headers, refused.reason)


async def open_signalling(
    config: Config,
    on_event: Callable[[Event], None],
    admit: Admit,
    trusts: Callable[[Address], bool],
    trunk_of: Callable[[Address, str], str],
    workers: Iterable[WorkerHandle],
) -> Endpoint:
    """Our own SIP socket, or the one that a worker will have. See `open_endpoint`. Raises UserError."""
    if config.sip.backend == "own":
        return await open_endpoint(config, on_event, admit, trusts, trunk_of)
    check(config)
    if uses_tls(config):
        open_tls(config.sip)  # PJSIP reads the files when somebody connects, and says nothing
    return RemoteEndpoint(config, free_address(config, config.sip.port), on_event, admit, workers)


@contextmanager
def blaming_pjsip(config: Config) -> Iterator[None]:
    """Where its process dies at the start, this is PJSIP's doing. Raises UserError."""
    try:
        yield
    except WorkerDiedError as error:
        if config.sip.backend == "own":
            raise
        why = "PJSIP does so where it is asked for what it never expects; a line above with `Assertion` says what"
        todo = f"other settings below `[sip]`, `[rtp]` and `[trunks.NAME]`, or {library.OWN}"
        raise UserError("PJSIP has ended its process at the start", why, todo, library.WHERE) from error
