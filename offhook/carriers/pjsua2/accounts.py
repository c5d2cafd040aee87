"""PJSIP's accounts: one for each trunk that is used, and one for calls without a trunk."""

import asyncio
from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from offhook.carriers.pjsua2.messages import address_of
from offhook.carriers.pjsua2.objects import Owner, PjAccount
from offhook.carriers.pjsua2.setup import account_config
from offhook.settings.config import Config
from offhook.settings.trunks import TrunkConfig
from offhook.sip.commands import Command, Invite, MoveRegistration, Register, Unregister
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.events import Event, Registered, RegistrationEnded, RegistrationFailed
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import Address, numeric
from offhook.sip.net.flow import Target, Transport
from offhook.sip.net.unsent import Unsent

RETRY_S = 30.0
"""After a registration that failed."""
REFRESHED_BEFORE_S = 5

REQUEST_TIMEOUT, SERVICE_UNAVAILABLE = 408, 503
BUSY = 171_001
"""PJSIP_EBUSY: a REGISTER is unanswered."""


class Accounts:
    """All of a process. For `untrusted` see `Connections`."""

    def __init__(
        self,
        config: Config,
        address: Address,
        on_event: Callable[[Event], None],
        untrusted: Callable[[str], Unsent | None],
    ) -> None:
        self._config = config
        self._address = address
        self._on_event = on_event
        self._untrusted = untrusted
        self._plain: PjAccount | None = None
        self._trunks: dict[str, PjAccount] = {}
        self._retries: dict[str, asyncio.TimerHandle] = {}
        self.ending: set[str] = set()
        """Those whose bindings are being removed."""
        self._unanswered: set[str] = set()  # to be unregistered once their last REGISTER has its answer

    def open(self, owner: Owner) -> None:
        """Take calls. `owner` gets what happens to them. Raises PJSIP's error."""
        self._plain = PjAccount(owner, "")
        self._plain.create(account_config(pj, self._config, self._address), True)
        for name, trunk in self._config.trunks.items():
            account = self._trunks[name] = PjAccount(owner, name)
            account.host = trunk.host
            account.create(self._settings(trunk, "", trunk.uri))

    def of(self, source: str) -> int:
        """PJSIP's number for the account of a call from there. A trunk's is for its own server only: who calls by an
        account can ask for its password to be proven."""
        found = self._trunks.get(self.trunk_at(address_of(source).host), self._plain)
        return int(found.getId()) if found is not None else 0

    def trunk_at(self, host: str) -> str:
        """The trunk whose server has that address; "": none."""
        return next((name for name, each in self._trunks.items() if each.host == host), "")

    def close(self) -> None:
        """Let all of them go."""
        for retry in self._retries.values():
            retry.cancel()
        for account in (*self._trunks.values(), self._plain):
            if account is not None:
                account.shutdown()
        self._trunks.clear()
        self._plain = None

    def for_call(self, command: Invite) -> tuple[PjAccount, str]:
        """The account that a call goes by, and its Request-URI with what says how it gets there."""
        target = command.destination if isinstance(command.destination, Target) else None
        uri = command.target
        if target is not None and target.transport is not Transport.UDP and ";transport=" not in uri:
            uri += f";transport={target.transport.lower()}"
        name = self._trunk_of(command)
        if name:
            return self._account(name, target), uri
        assert self._plain is not None, "there are calls only between `open` and `close`"
        return self._plain, uri

    def do(self, command: Command) -> None:
        """Register, move or unregister. Raises LocalError; what PJSIP refuses is an event, and is tried again."""
        match command:
            case Register(call=name, destination=destination, registrar=registrar):
                self._register(name, destination if isinstance(destination, Target) else None, registrar)
            case MoveRegistration(call=name, destination=Target() as target) if name in self._trunks:
                self._register(name, target)
            case Unregister(call=name) if name in self._trunks:
                self._unregister(name)
            case _:
                raise LocalError(f"PJSIP's library has no {type(command).__name__}")

    def registered(self, account: PjAccount, what: Any) -> None:
        """A REGISTER has got its answer, or none."""
        name, status = account.name, int(what.code)
        if name in self._unanswered:
            self._unanswered.discard(name)
            if not account.wanted:
                self._unregister(name)
                return
        if not account.wanted:
            self.ending.discard(name)
            self._on_event(RegistrationEnded(name))
        elif 200 <= status < 300:
            self._cancel_retry(name)
            self._on_event(Registered(name, max(0.0, float(what.expiration) - REFRESHED_BEFORE_S)))
        else:
            # PJSIP's own time-out and its lost connections have a status, too.
            unsent = self._untrusted(account.secure_host) if status == SERVICE_UNAVAILABLE else None
            own = unsent is not None or (what.status != 0 and status in (REQUEST_TIMEOUT, SERVICE_UNAVAILABLE))
            reason = str(what.reason) if unsent is None else unsent.why
            self._on_event(RegistrationFailed(name, 0 if own else status, reason, RETRY_S, unsent))
            self._again(name, lambda: self._trunks[name])

    # --- inside

    def _register(self, name: str, target: Target | None, registrar: str = "") -> None:
        self._trunks[name].wanted = True
        self._ask(name, lambda: self._account(name, target, registrar))

    def _ask(self, name: str, account: Callable[[], PjAccount]) -> None:
        try:
            account().setRegistration(True)
        except pj.Error as error:
            self._on_event(RegistrationFailed(name, 0, error.reason, RETRY_S))
            self._again(name, account)

    def _account(self, name: str, target: Target | None, registrar: str = "") -> PjAccount:
        """A trunk's, changed to what leads there. Raises PJSIP's error."""
        trunk, account = self._config.trunks[name], self._trunks[name]
        proxy = _proxy(trunk, target)
        if target is not None:
            account.host = target.address.host
            account.secure_host = (target.name or target.address.host) if target.transport.is_secure else ""
        if account.proxy != proxy or registrar:
            account.modify(self._settings(trunk, proxy, _with_transport(registrar or trunk.uri, target)))
            account.proxy = proxy
        return account

    def _settings(self, trunk: TrunkConfig, proxy: str, registrar: str) -> Any:
        made = account_config(pj, self._config, self._address, trunk)
        made.regConfig.registerOnAdd = False
        made.regConfig.disableRegOnModify = True  # it is done where it is wanted
        made.regConfig.retryIntervalSec = made.regConfig.firstRetryIntervalSec = 0  # we try again ourselves
        made.regConfig.timeoutSec = trunk.expires_s
        made.regConfig.delayBeforeRefreshSec = REFRESHED_BEFORE_S
        if trunk.registration:
            made.regConfig.registrarUri = registrar
        if proxy:
            made.sipConfig.proxies.append(proxy)
        return made

    def _unregister(self, name: str) -> None:
        account = self._trunks[name]
        account.wanted = False
        self._cancel_retry(name)
        self.ending.add(name)
        try:
            account.setRegistration(False)
        except pj.Error as error:
            if error.status == BUSY:
                self._unanswered.add(name)
                return
            self.ending.discard(name)  # it has no binding
            self._on_event(RegistrationEnded(name))

    def _again(self, name: str, account: Callable[[], PjAccount]) -> None:
        def register() -> None:
            self._retries.pop(name, None)
            if name in self._trunks and self._trunks[name].wanted:
                self._ask(name, account)

        self._cancel_retry(name)
        self._retries[name] = asyncio.get_running_loop().call_later(RETRY_S, register)

    def _cancel_retry(self, name: str) -> None:
        if (retry := self._retries.pop(name, None)) is not None:
            retry.cancel()

    def _trunk_of(self, command: Invite) -> str:
        try:
            host = Uri.parse(command.target).host
        except ParseError as error:
            raise LocalError(f"{command.target} is not a URI: {error}") from error
        for name, trunk in self._config.trunks.items():
            if trunk.uri_host == host and (trunk.auth_user or trunk.user or "") == (command.auth_user or ""):
                return name
        return ""


def meant_by(command: Invite) -> frozenset[str]:
    """The hosts that a call goes to, as far as its owner has looked them up, or named them by number."""
    ways = (command.destination, *command.others)
    found = {way.address.host if isinstance(way, Target) else way.host for way in ways if way is not None}
    return frozenset({*found, Uri.parse(command.target).host.strip("[]")})


def _proxy(trunk: TrunkConfig, target: Target | None) -> str:
    """The route to a trunk's server, where its name does not lead there; PJSIP leaves it out of what it sends."""
    if target is None or (trunk.outbound_proxy is None and (target.transport.is_secure or numeric(trunk.host))):
        return ""
    # Over TLS the certificate is for the name.
    host = target.name if target.transport.is_secure and target.name else target.address.uri_host
    return f"<sip:{host}:{target.address.port};transport={target.transport.lower()};lr;hide>"


def _with_transport(uri: str, target: Target | None) -> str:
    if target is None or target.transport is Transport.UDP:
        return uri
    return f"{uri};transport={target.transport.lower()}"
