"""Finds the trunks' hosts and keeps the accounts registered, once for a bot.

Theory of operation. Each trunk has a task that looks up its host again and again; what it finds says which calls are
the trunk's, and where a REGISTER goes. The user agent refreshes registrations, and tries what was refused again. If a
host has several addresses, one that does not answer is followed by the next at once, until all have been tried; and
where the host's addresses change, the registration moves with them.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import structlog

from offhook.observe.metrics import Metrics
from offhook.process.trunk_sources import TrunkSources
from offhook.settings.trunks import TrunkConfig
from offhook.sip.commands import MoveRegistration, Register, Unregister
from offhook.sip.errors import LocalError
from offhook.sip.events import Registered, RegistrationEnded, RegistrationEvent, RegistrationFailed
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Transport
from offhook.sip.net.resolver import addresses_of

LOOKED_UP_S = 300.0
"""Between two look-ups of a host."""

LOOKED_UP_AGAIN_S = 15.0
"""After one that failed, as long as no address is known."""

SERVER_FAILURES = range(500, 600)
"""Answers after which another server of the host may do (RFC 3263 §4.3); and no answer at all."""


class TrunkState(StrEnum):
    """Where a trunk stands."""

    RESOLVING = "resolving"  # its host has no known address yet
    IN_USE = "in_use"  # it wants no registration
    REGISTERING = "registering"
    REGISTERED = "registered"
    FAILED = "failed"  # refused or unanswered; tried again later
    ENDED = "ended"


@dataclass(slots=True)
class _Trunk:
    name: str
    config: TrunkConfig
    state: TrunkState = TrunkState.RESOLVING
    since: float = 0.0
    addresses: tuple[Address, ...] = ()
    at: Address | None = None
    """Where its REGISTERs go."""
    why: str = ""
    tried: set[Address] = field(default_factory=set)
    """Addresses that have failed since it was last registered, or last waited."""
    task: asyncio.Task[None] | None = None


class Trunks:
    """All trunks of a bot. `on_networks` is called when the networks that their calls come from change."""

    def __init__(
        self, configs: Mapping[str, TrunkConfig], metrics: Metrics, on_networks: Callable[[list[str]], None]
    ) -> None:
        self.sources = TrunkSources(configs)
        self._trunks = {name: _Trunk(name, config) for name, config in configs.items()}
        self._metrics = metrics
        self._on_networks = on_networks
        self._endpoint: Endpoint | None = None
        self._ended = asyncio.Event()
        self._ended.set()
        self._log = structlog.get_logger("offhook.trunks")

    def start(self, endpoint: Endpoint) -> None:
        """Begin to look up hosts and to register. Nothing that fails later ends the bot."""
        self._endpoint = endpoint
        for trunk in self._trunks.values():
            self._enter(trunk, TrunkState.RESOLVING)
            trunk.task = asyncio.create_task(self._look_up(trunk, endpoint))

    def end(self) -> None:
        """Begin to remove the bindings: no more calls come by them. Idempotent."""
        for trunk in self._trunks.values():
            if trunk.task is not None:
                trunk.task.cancel()
                trunk.task = None
            if trunk.at is not None and trunk.state is not TrunkState.ENDED:
                self._ended.clear()
                self._do(Unregister(trunk.name))

    async def ended(self, within_s: float) -> None:
        """Wait until the bindings are removed, but not for longer than that."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), within_s)
        left = [trunk.name for trunk in self._trunks.values() if self._is_open(trunk)]
        if left:
            self._log.warning("registrations were not removed", trunks=left, why="there was no answer in time")

    def on_event(self, event: RegistrationEvent) -> None:
        """What the user agent reports about an account."""
        trunk = self._trunks[event.account]
        match event:
            case Registered(refresh_s=refresh_s):
                self._registered(trunk, refresh_s)
            case RegistrationFailed():
                self._failed(trunk, event)
            case RegistrationEnded():
                self._enter(trunk, TrunkState.ENDED)
                self._log.info("no longer registered", trunk=trunk.name)
                if not any(map(self._is_open, self._trunks.values())):
                    self._ended.set()

    async def addresses(self, name: str) -> tuple[Address, ...]:
        """Where the trunk's requests go, the first choice first; none if its host is not found."""
        trunk = self._trunks[name]
        if trunk.addresses or self._endpoint is None:
            first = (trunk.at,) if trunk.at is not None else ()
            return tuple(dict.fromkeys((*first, *trunk.addresses)))
        host, port = trunk.config.next_hop
        try:
            return await addresses_of(host, port, Transport(trunk.config.transport.upper()), self._endpoint.address)
        except OSError:
            return ()

    def details(self) -> dict[str, int]:
        """For readiness: how many registrations are wanted, and are there."""
        wanted = [trunk for trunk in self._trunks.values() if trunk.config.registration]
        there = sum(trunk.state is TrunkState.REGISTERED for trunk in wanted)
        return {"registrations": len(wanted), "registrations_ready": there} if wanted else {}

    def dump(self, now: float) -> list[dict[str, object]]:
        """All of them, for people."""
        return [
            {
                "trunk": trunk.name,
                "state": trunk.state.value,
                "for_s": round(now - trunk.since, 1),
                "why": trunk.why,
                "host": trunk.config.host,
                "address": str(trunk.at or next(iter(trunk.addresses), "")),
                "transport": trunk.config.transport,
                "calls": self.sources.calls(trunk.name),
            }
            for trunk in self._trunks.values()
        ]

    # --- hosts

    async def _look_up(self, trunk: _Trunk, endpoint: Endpoint) -> None:
        host, port = trunk.config.next_hop
        transport = Transport(trunk.config.transport.upper())
        while True:
            try:
                found = await addresses_of(host, port, transport, endpoint.address)
            except OSError as error:
                self._not_found(trunk, host, error.strerror or str(error))
            else:
                self._found(trunk, found)
                if numeric(host) is not None:
                    return
            await asyncio.sleep(LOOKED_UP_S if trunk.addresses else LOOKED_UP_AGAIN_S)

    def _not_found(self, trunk: _Trunk, host: str, why: str) -> None:
        if trunk.addresses or trunk.why == why:
            return  # what was found before goes on, and a failure is reported once
        trunk.why = why
        todo = f"`host` below `[trunks.{trunk.name}]`, or this machine's DNS"
        self._log.warning("the trunk cannot be found", trunk=trunk.name, host=host, why=why, todo=todo)

    def _found(self, trunk: _Trunk, found: tuple[Address, ...]) -> None:
        if not trunk.addresses:
            trunk.why = ""
        if set(found) != set(trunk.addresses):
            self.sources.resolved(trunk.name, found)
            self._on_networks(self.sources.networks)
        trunk.addresses = found
        if not trunk.config.registration:
            self._enter(trunk, TrunkState.IN_USE)
        elif trunk.at is None:
            self._register(trunk, found[0])
        elif trunk.at not in found:
            self._log.info("the trunk has moved", trunk=trunk.name, address=str(found[0]), before=str(trunk.at))
            self._move(trunk, found[0])

    # --- registrations

    def _register(self, trunk: _Trunk, address: Address) -> None:
        config = trunk.config
        port = f":{config.port}" if config.port is not None else ""
        trunk.at = address
        self._enter(trunk, TrunkState.REGISTERING)
        self._do(
            Register(
                trunk.name,
                f"sip:{config.uri_host}{port}",
                config.aor,
                config.our_user,
                config.expires_s,
                address,
                Transport(config.transport.upper()),
                config.auth_user or config.user,
            )
        )

    def _move(self, trunk: _Trunk, address: Address) -> None:
        trunk.at = address
        self._do(MoveRegistration(trunk.name, address))

    def _registered(self, trunk: _Trunk, refresh_s: float) -> None:
        trunk.tried.clear()
        trunk.why = ""
        if trunk.state is not TrunkState.REGISTERED:
            self._enter(trunk, TrunkState.REGISTERED)
            self._log.info("registered", trunk=trunk.name, address=str(trunk.at), refreshed_after_s=round(refresh_s))

    def _failed(self, trunk: _Trunk, event: RegistrationFailed) -> None:
        if trunk.at is not None and (event.status == 0 or event.status in SERVER_FAILURES):
            trunk.tried.add(trunk.at)
            if (other := next((each for each in trunk.addresses if each not in trunk.tried), None)) is not None:
                self._move(trunk, other)
                return
            trunk.tried.clear()
        why = f"{event.status} {event.reason}" if event.status else f"{trunk.at}: {event.reason}"
        todo = what_to_do(trunk.name, trunk.config, event.status)
        if event.status == 0 and self._endpoint is not None and is_cut_off(self._endpoint.address, trunk.at):
            todo = '`host = "0.0.0.0"` below `[sip]`: from a loopback address only this machine is reached'
        if trunk.state is not TrunkState.FAILED or trunk.why != why:
            self._log.warning(
                "not registered",
                trunk=trunk.name,
                why=why,
                todo=todo,
                tried_again_after_s=round(event.retry_s),
            )
        trunk.why = why
        self._enter(trunk, TrunkState.FAILED)

    # --- inside

    @staticmethod
    def _is_open(trunk: _Trunk) -> bool:
        return trunk.at is not None and trunk.state is not TrunkState.ENDED

    def _enter(self, trunk: _Trunk, state: TrunkState) -> None:
        if trunk.state is not state or not trunk.since:
            trunk.since = asyncio.get_running_loop().time()
        trunk.state = state
        for each in TrunkState:
            self._metrics.registration(trunk.name, each.value, each is state)

    def _do(self, command: Register | MoveRegistration | Unregister) -> None:
        if self._endpoint is None or not self._endpoint.is_open:
            return
        try:
            self._endpoint.do(command)
        except LocalError as error:
            trunk = self._trunks[command.call]
            trunk.at = None  # the user agent has no such account
            if trunk.why != str(error):
                self._log.error("the trunk cannot be used", trunk=trunk.name, why=str(error))
            trunk.why = str(error)
            self._enter(trunk, TrunkState.FAILED)


def is_cut_off(bound: Address, trunk: Address | None) -> bool:
    """Whether SIP is bound to this machine's loopback, and the trunk is elsewhere."""
    own, other = numeric(bound.host), numeric(trunk.host) if trunk is not None else None
    return own is not None and other is not None and own.is_loopback and not other.is_loopback


def what_to_do(name: str, trunk: TrunkConfig, status: int) -> str:
    """What to look at, or to type, when a registrar answers with `status` (0: not at all)."""
    below = f"below `[trunks.{name}]`"
    match status:
        case 0:
            return f"`host`, `port` and `transport` {below}; or a firewall is in between"
        case 401 | 407 if trunk.password is None:
            return f"export OFFHOOK_TRUNKS__{name.upper()}__PASSWORD=…"
        case 401 | 407 if trunk.realm is not None:
            return f"the password, `user`, `auth_user` and `realm` {below}"
        case 401 | 407:
            return f"the password, `user` and `auth_user` {below}"
        case 403 | 404:
            return f"`user` and the password {below}; or the trunk does not allow this machine's address"
        case _ if status in SERVER_FAILURES:
            return "nothing: the trunk has a fault, and is asked again"
        case _:
            return "the trunk's operator knows why"
