"""Finds the trunks' hosts and keeps the accounts registered, once for a bot.

Theory of operation. Each trunk has a task that looks up its host again and again (RFC 3263); what it finds says which
calls are the trunk's, and where a REGISTER goes. The user agent refreshes registrations, and tries what was refused
again. If a host has several targets, one that does not answer is followed by the next at once, until all have been
tried; and where the host's targets change, the registration moves with them. Other tasks keep the way to a registrar
open, and ask whether the trunk is there (OPTIONS); what does not answer that is left for the next target, too.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import random

import structlog

from offhook.observe.metrics import Metrics
from offhook.process.trunk import Trunk, TrunkState, transport_wanted
from offhook.process.trunk_advice import PROBLEMS, SERVER_FAILURES, is_cut_off, problem_of, what_to_do
from offhook.process.trunk_sources import TrunkSources
from offhook.settings.trunks import TrunkConfig
from offhook.sip.commands import MoveRegistration, Ping, Register, Unregister
from offhook.sip.errors import LocalError
from offhook.sip.events import (
    PasswordWithheld,
    Pinged,
    Registered,
    RegistrationEnded,
    RegistrationEvent,
    RegistrationFailed,
)
from offhook.sip.net.address import numeric
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target

LOOKED_UP_S = 300.0
"""Between two look-ups of a host, at most; what its records say counts."""

LOOKED_UP_AGAIN_S = 15.0
"""After one that failed, as long as no target is known; and between two in any case."""

GIVE_UP_S = 4.0
"""How long a registrar may keep silent where its domain has another one."""

APART_S = 0.01
"""Between the first look-ups of two trunks: a thousand accounts register, and are refreshed, one after the other."""

FIRST_PING_S = 1.0
"""After the targets are known: 0 to that, so that not all trunks are asked at once."""

UNAVAILABLE = (408, 503)
"""Answers to OPTIONS by which a trunk says that it takes no calls; any other shows that it is there."""


class Trunks:
    """All trunks of a bot. `on_networks` is called when the networks that their calls come from change."""

    def __init__(
        self, configs: Mapping[str, TrunkConfig], metrics: Metrics, on_networks: Callable[[list[str]], None]
    ) -> None:
        self.sources = TrunkSources(configs)
        self._trunks = {name: Trunk(name, config) for name, config in configs.items()}
        self._metrics = metrics
        self._on_networks = on_networks
        self._endpoint: Endpoint | None = None
        self._kept_alive: dict[Target, float] = {}
        self._ended = asyncio.Event()
        self._ended.set()
        self._log = structlog.get_logger("offhook.trunks")

    def start(self, endpoint: Endpoint) -> None:
        """Begin to look up hosts and to register. Nothing that fails later ends the bot."""
        self._endpoint = endpoint
        for number, trunk in enumerate(self._trunks.values()):
            self._enter(trunk, TrunkState.RESOLVING)
            trunk.tasks.append(asyncio.create_task(self._look_up(trunk, endpoint, number * APART_S)))
            if trunk.config.keepalive_s and (trunk.config.registration or endpoint.tls_address is None):
                trunk.tasks.append(asyncio.create_task(self._keep_alive(trunk, endpoint)))
            if trunk.config.options_s:
                trunk.tasks.append(asyncio.create_task(self._ping(trunk)))

    def end(self) -> None:
        """Begin to remove the bindings: no more calls come by them. Idempotent."""
        for trunk in self._trunks.values():
            for task in trunk.tasks:
                task.cancel()
            trunk.tasks.clear()
            if trunk.is_open:
                self._ended.clear()
                self._do(Unregister(trunk.name))

    async def ended(self, within_s: float) -> None:
        """Wait until the bindings are removed, but not for longer than that."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), within_s)
        left = [trunk.name for trunk in self._trunks.values() if trunk.is_open]
        if left:
            self._log.warning("registrations were not removed", trunks=left, why="there was no answer in time")

    def on_event(self, event: RegistrationEvent | PasswordWithheld) -> None:
        """What the user agent reports about an account."""
        if isinstance(event, PasswordWithheld):
            address = event.address.host
            self._log.warning(
                "a password was asked for, and not proven",
                method=event.method,
                host=event.host,
                address=address,
                sip_call_id=event.call_id,
                why=f"neither a look-up of {event.host} nor `addresses` of its trunk has {address}",
                todo=f'`addresses = ["{address}"]` below its `[trunks.NAME]`, if its operator says that it is theirs',
            )
            return
        trunk = self._trunks[event.account]
        match event:
            case Registered(refresh_s=refresh_s):
                self._registered(trunk, refresh_s)
            case RegistrationFailed():
                self._failed(trunk, event)
            case Pinged():
                self._pinged(trunk, event)
            case RegistrationEnded():
                self._enter(trunk, TrunkState.ENDED)
                self._log.info("no longer registered", trunk=trunk.name)
                if not any(each.is_open for each in self._trunks.values()):
                    self._ended.set()

    async def find(self, name: str) -> tuple[Target, ...]:
        """As `targets`, which are looked up now if they are not known; empty if the host is not found."""
        found = self.targets(name)
        if found or self._endpoint is None:
            return found
        config = self._trunks[name].config
        host, port = config.next_hop
        return (await self._endpoint.resolver.find(host, port, transport_wanted(config))).targets

    def details(self) -> dict[str, int | str]:
        """For readiness: how many registrations are wanted, and are there; and for each trunk that fails why, and what
        to do."""
        wanted = [trunk for trunk in self._trunks.values() if trunk.config.registration]
        there = sum(trunk.state is TrunkState.REGISTERED for trunk in wanted)
        details: dict[str, int | str] = {}
        if wanted:
            details = {"registrations": len(wanted), "registrations_ready": there}
        asked = [trunk for trunk in self._trunks.values() if trunk.config.options_s]
        if asked:
            details |= {"trunks_asked": len(asked), "trunks_there": sum(trunk.is_there is True for trunk in asked)}
        for trunk in self._trunks.values():
            why, todo = trunk.problem
            if why:
                details[f"trunk_{trunk.name}"] = f"{why}; {todo}" if todo else why
        return details

    def targets(self, name: str) -> tuple[Target, ...]:
        """Where requests for a trunk go, best first: the one that is in use before the others; empty while its host is
        not found."""
        trunk = self._trunks[name]
        first = () if trunk.at is None else (trunk.at,)
        return (*first, *(each for each in trunk.targets if each != trunk.at))

    def dump(self, now: float) -> list[dict[str, object]]:
        """All of them, for people."""
        return [
            {
                "trunk": trunk.name,
                "state": trunk.state.value,
                "for_s": round(now - trunk.since, 1),
                "why": trunk.problem[0],
                "todo": trunk.problem[1],
                "host": trunk.config.host,
                "address": str(trunk.at.address) if trunk.at is not None else "",
                "transport": trunk.at.transport.lower() if trunk.at is not None else trunk.config.transport,
                "targets": [str(each) for each in trunk.targets],
                "is_there": trunk.is_there,
                "calls": self.sources.calls(trunk.name),
            }
            for trunk in self._trunks.values()
        ]

    # --- hosts

    async def _look_up(self, trunk: Trunk, endpoint: Endpoint, after_s: float) -> None:
        await asyncio.sleep(after_s)
        host, port = trunk.config.next_hop
        transport = transport_wanted(trunk.config)
        while True:
            found = await endpoint.resolver.find(host, port, transport)
            if found.targets:
                self._found(trunk, found.targets)
                if numeric(host) is not None:
                    return
            else:
                self._not_found(trunk, host, "there is no address for its name")
            wait_s = max(LOOKED_UP_AGAIN_S, min(LOOKED_UP_S, found.valid_s))
            await asyncio.sleep(wait_s if trunk.targets else LOOKED_UP_AGAIN_S)

    def _not_found(self, trunk: Trunk, host: str, why: str) -> None:
        if trunk.targets or trunk.why == why:
            return  # what was found before goes on, and a failure is reported once
        trunk.why = why
        trunk.todo = todo = f"`host` below `[trunks.{trunk.name}]`, or this machine's DNS"
        self._log.warning("the trunk cannot be found", trunk=trunk.name, host=host, why=why, todo=todo)

    def _found(self, trunk: Trunk, found: tuple[Target, ...]) -> None:
        if not trunk.targets:
            trunk.why = trunk.todo = ""
        if set(found) != set(trunk.targets):
            self.sources.resolved(trunk.name, dict.fromkeys(each.address for each in found))
            self._on_networks(self.sources.networks)
        trunk.targets = found
        if not trunk.config.registration:
            if trunk.at not in found:
                trunk.at = found[0]
            self._enter(trunk, TrunkState.IN_USE)
        elif trunk.at is None:
            self._register(trunk, found[0])
        elif trunk.at not in found:
            self._log.info("the trunk has moved", trunk=trunk.name, target=str(found[0]), before=str(trunk.at))
            self._move(trunk, found[0])

    # --- registrations

    def _register(self, trunk: Trunk, target: Target) -> None:
        config = trunk.config
        trunk.at = target
        self._enter(trunk, TrunkState.REGISTERING)
        self._do(
            Register(
                trunk.name,
                config.uri,
                config.aor,
                config.our_user,
                config.expires_s,
                target,
                auth_user=config.auth_user or config.user,
                give_up_s=GIVE_UP_S if len(trunk.targets) > 1 else None,
            )
        )

    def _move(self, trunk: Trunk, target: Target) -> None:
        trunk.at = target
        if trunk.config.registration:
            self._do(MoveRegistration(trunk.name, target))

    def _next_target(self, trunk: Trunk) -> bool:
        """Go on with another target, after the present one has failed; False: all have been tried."""
        if trunk.at is not None:
            trunk.tried.add(trunk.at)
        if (other := next((each for each in trunk.targets if each not in trunk.tried), None)) is None:
            trunk.tried.clear()
            return False
        self._move(trunk, other)
        return True

    def _registered(self, trunk: Trunk, refresh_s: float) -> None:
        trunk.tried.clear()
        trunk.why = trunk.todo = ""
        self._count_problem(trunk, "")
        if trunk.state is not TrunkState.REGISTERED:
            self._enter(trunk, TrunkState.REGISTERED)
            at = str(trunk.at)
            self._log.info("registered", trunk=trunk.name, target=at, refreshed_after_s=round(refresh_s))

    def _failed(self, trunk: Trunk, event: RegistrationFailed) -> None:
        if (event.status == 0 or event.status in SERVER_FAILURES) and self._next_target(trunk):
            return
        why = f"{event.status} {event.reason}" if event.status else f"{trunk.at}: {event.reason}"
        todo = what_to_do(trunk.name, trunk.config, event.status)
        at = None if trunk.at is None else trunk.at.address
        if event.status == 0 and self._endpoint is not None and is_cut_off(self._endpoint.address, at):
            todo = '`host = "0.0.0.0"` below `[sip]`: from a loopback address only this machine is reached'
        elif event.unsent is not None and event.unsent.todo:
            todo = f"{event.unsent.todo}; type: offhook trunk check {trunk.name}"
        if trunk.state is not TrunkState.FAILED or trunk.why != why:
            self._log.warning(
                "not registered",
                trunk=trunk.name,
                why=why,
                todo=todo,
                tried_again_after_s=round(event.retry_s),
            )
        trunk.why, trunk.todo = why, todo
        self._count_problem(trunk, problem_of(event))
        self._enter(trunk, TrunkState.FAILED)

    # --- what keeps the way open, and what asks whether somebody is there

    async def _keep_alive(self, trunk: Trunk, endpoint: Endpoint) -> None:
        loop, every_s = asyncio.get_running_loop(), trunk.config.keepalive_s
        while True:
            await asyncio.sleep(every_s)
            now = loop.time()
            for at in trunk.ways:
                # Accounts at one registrar share the way there.
                if now - self._kept_alive.get(at, -every_s) > every_s / 2:
                    self._kept_alive[at] = now
                    endpoint.keep_alive(at)

    async def _ping(self, trunk: Trunk) -> None:
        while True:
            if trunk.at is None:
                await asyncio.sleep(FIRST_PING_S * random())
                continue
            self._do(Ping(trunk.name, trunk.config.uri, trunk.at))
            await asyncio.sleep(trunk.config.options_s)

    def _pinged(self, trunk: Trunk, event: Pinged) -> None:
        is_there, was_there = event.status not in (0, *UNAVAILABLE), trunk.is_there
        if is_there is not trunk.is_there:
            log = self._log.info if is_there else self._log.warning
            what = "the trunk is there" if is_there else "the trunk is not there"
            log(what, trunk=trunk.name, target=str(trunk.at), answer=f"{event.status or ''} {event.reason}".strip())
        trunk.ping_why = trunk.ping_todo = ""
        if not is_there:
            trunk.ping_why = f"{trunk.at}: {f'{event.status} ' if event.status else ''}{event.reason}"
            trunk.ping_todo = f"type: offhook trunk check {trunk.name}"
            if event.unsent is not None and event.unsent.todo:
                trunk.ping_todo = f"{event.unsent.todo}; {trunk.ping_todo}"
        if not trunk.why:
            self._count_problem(trunk, "" if is_there else problem_of(event))
        trunk.is_there, trunk.answered_after_s = is_there, event.after_s
        self._metrics.trunk_there(trunk.name, is_there, event.after_s if event.status else None)
        if is_there:
            if trunk.state is not TrunkState.FAILED:
                trunk.tried.clear()
        elif trunk.state is TrunkState.IN_USE or (was_there and trunk.state is TrunkState.REGISTERED):
            self._next_target(trunk)  # a registrar that never answers OPTIONS may be well all the same

    # --- inside

    def _count_problem(self, trunk: Trunk, problem: str) -> None:
        for each in PROBLEMS:
            self._metrics.trunk_problem(trunk.name, each, each == problem)

    def _enter(self, trunk: Trunk, state: TrunkState) -> None:
        if trunk.state is not state or not trunk.since:
            trunk.since = asyncio.get_running_loop().time()
        trunk.state = state
        for each in TrunkState:
            self._metrics.registration(trunk.name, each.value, each is state)

    def _do(self, command: Register | MoveRegistration | Unregister | Ping) -> None:
        if self._endpoint is None or not self._endpoint.is_open:
            return
        try:
            self._endpoint.do(command)
        except LocalError as error:
            trunk = self._trunks[command.call]
            trunk.at = None  # the user agent has no such account
            if trunk.why != str(error):
                self._log.error("the trunk cannot be used", trunk=trunk.name, why=str(error))
            trunk.why, trunk.todo = str(error), ""
            self._enter(trunk, TrunkState.FAILED)
