"""Opens the SIP socket and the records' database, which a bot has once."""

import time
from collections.abc import Callable, Iterator, Sequence
from secrets import token_bytes

from offhook.carriers.dns_records import dns_records
from offhook.pipeline.chain.table import Cells
from offhook.process.spent_today import restore_spent_today
from offhook.process.tls_files import open_tls
from offhook.records import RecordStore
from offhook.records.outbox import Subscription
from offhook.settings.config import Config
from offhook.settings.sections import SipConfig
from offhook.sip.auth.client import Account
from offhook.sip.auth.digest import secret_of
from offhook.sip.auth.server import DigestServer
from offhook.sip.events import Event
from offhook.sip.invite_guard import InviteGuard
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.settings import UaSettings
from offhook.sip.silence import Silence
from offhook.sip.uas import Admit
from offhook.usererror import UserError

REALM = "offhook"
"""Of passwords, where no domain is set."""

OUR_NAMES = ("bot", "offhook")
"""Hosts of URIs that mean this bot to itself: `sip:alice@bot` is the user who has registered here."""


def open_store(
    config: Config, engines_table: Cells | None = None, subscriptions: Sequence[Subscription] = ()
) -> RecordStore:
    """The records' database, with an outbox for these; what today's calls in it have used is counted in
    `engines_table`. Raises UserError."""
    records = config.records
    store = RecordStore.open(records.database, folder=records.dir.resolve(), subscriptions=subscriptions)
    if engines_table is not None:
        restore_spent_today(store, config, engines_table, time.time())
    return store


async def open_endpoint(
    config: Config,
    on_event: Callable[[Event], None],
    admit: Admit,
    trusts: Callable[[Address], bool],
    trunk_of: Callable[[Address, str], str],
) -> Endpoint:
    """The SIP socket; `admit` returns why a new call is refused, `trusts` who needs no password, `trunk_of` the trunk
    of a call by its source and Request-URI. Raises UserError."""
    host, port = config.sip.host, config.sip.port
    advertised = config.sip.advertised_host
    # Port 0 in `advertised` stands for the bound port.
    settings = UaSettings(
        advertised=Address(advertised, config.sip.advertised_port or port) if advertised else None,
        follow_received=advertised is None or config.sip.stun_server is not None,
        domains=_domains(config.sip),
        accounts=tuple(_accounts(config)),
        policy=config.signalling.policy(),
    )
    policies = {name: config.signalling.policy(trunk) for name, trunk in config.trunks.items()}
    tls, guard = open_tls(config.sip), _guard(config, trusts)
    registrar = Registrar() if guard is not None and config.sip.registrar else None
    try:
        return await Endpoint.open(
            host,
            port,
            on_event,
            settings=settings,
            admit=admit,
            guard=guard,
            policy_of=lambda uri, source: policies.get(trunk_of(source, uri), settings.policy),
            registrar=registrar,
            silence=_silence(config.sip, trusts, guard),
            tcp=config.sip.tcp,
            tls=tls,
            records=dns_records(config.sip),
        )
    except OSError as error:
        raise UserError(
            f"SIP cannot use {host}:{port}" + (f", or {host}:{tls.port} for TLS" if tls.server is not None else ""),
            error.strerror or str(error),
            "offhook serve --sip HOST:PORT with an address of this machine and a port that is free"
            + ("; `tls_port = …` below `[sip]`" if tls.server is not None else ""),
        ) from error


def _accounts(config: Config) -> Iterator[Account]:
    for trunk in config.trunks.values():
        user = trunk.auth_user or trunk.user
        if user is not None and trunk.password is not None:
            yield Account(user, trunk.password, frozenset({trunk.uri_host.lower()}), trunk.realm)


def _domains(sip: SipConfig) -> frozenset[str]:
    named = (sip.domain, sip.advertised_host, sip.host, *OUR_NAMES)
    return frozenset(each.lower() for each in named if each is not None)


def _silence(sip: SipConfig, trusts: Callable[[Address], bool], guard: InviteGuard | None) -> Silence | None:
    if sip.unknown_sources == "answer":
        return None

    def knows(source: Address, now: float) -> bool:
        # Whose phone is registered has proven a password within that time.
        return trusts(source) or (guard is not None and guard.is_proven(source.host, now))

    return Silence(knows, sip.domain if guard is not None else None)


def _guard(config: Config, trusts: Callable[[Address], bool]) -> InviteGuard | None:
    """None without users: then anybody may call."""
    realm = config.sip.domain or REALM
    secrets: dict[tuple[str, str], str] = {
        (user, algorithm): secret_of(algorithm, user, realm, password)
        for user, password in config.sip.users.items()
        for algorithm in config.sip.digest
    }
    if not secrets:
        return None
    server = DigestServer(
        realm,
        lambda user, _, algorithm: secrets.get((user, algorithm)),
        token_bytes(32),
        algorithms=config.sip.digest,
    )
    return InviteGuard(server, trusts)
