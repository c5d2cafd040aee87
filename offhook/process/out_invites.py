"""The INVITE of a call that the bot places: where it goes, who calls, and what else it has."""

from uuid import uuid4

from offhook.carriers.call_target import CallerId, CallTarget, caller_id
from offhook.carriers.own_addresses import media_host
from offhook.process.trunk_advice import is_cut_off
from offhook.process.trunks import Trunks
from offhook.settings.config import Config
from offhook.sip.commands import Invite
from offhook.sip.errors import LocalError
from offhook.sip.net.address import Address
from offhook.sip.net.endpoint import Endpoint
from offhook.sip.net.flow import Target
from offhook.usererror import UserError


class OutInvites:
    """By the settings, and the trunks' servers; `endpoint` is there once the bot has been started."""

    def __init__(self, config: Config, trunks: Trunks) -> None:
        self._config = config
        self._trunks = trunks
        self.endpoint: Endpoint | None = None

    async def reach(self, target: CallTarget) -> tuple[Target, ...]:
        """As `find`, of an address that can be reached from here. Raises UserError."""
        found = await self.find(target)
        if self.endpoint is not None and is_cut_off(self.endpoint.address, found[0].address):
            why = f"SIP is bound to {self.endpoint.address.host}, from where only this machine is reached"
            raise UserError(
                f"{found[0].address.host} cannot be called", why, '`host = "0.0.0.0"` below `[sip]`, or --sip'
            )
        return found

    async def find(self, target: CallTarget) -> tuple[Target, ...]:
        """Where requests for the target go, the first choice first, one at least. Raises UserError."""
        if self.endpoint is None:
            raise UserError("no call can be placed", "the bot has not been started", "await bot.start()")
        if target.trunk:
            found = await self._trunks.find(target.trunk)
            if not found:
                todo = f"`host` below `[trunks.{target.trunk}]`, or this machine's DNS (offhook check)"
                raise UserError(f"the trunk {target.trunk} cannot be reached", "its host is not found", todo)
        else:
            try:
                found = await self.endpoint.find(target.uri) or self.endpoint.contacts(target.uri)
            except (OSError, LocalError) as error:
                why = getattr(error, "strerror", None) or str(error)
                what = f"{target.uri} cannot be called"
                raise UserError(what, f"its host is not found: {why}", "a host that exists") from error
        if self._config.rtp.srtp != "required":
            return found
        # Never in the clear: the INVITE has the keys.
        secure = tuple(each for each in found if each.transport.is_secure)
        if not secure:
            why = f"`rtp.srtp` requires encryption, and keys for media can be read over {found[0].transport}"
            todo = f'`transport = "tls"` below `[trunks.{target.trunk}]`' if target.trunk else "sips:USER@HOST"
            raise UserError(f"{target.name} cannot be called", why, todo)
        return secure

    def is_ours(self, target: CallTarget) -> bool:
        """Whether it is a user who registers with us."""
        return not target.trunk and self.endpoint is not None and self.endpoint.ua.user_of(target.uri) is not None

    def caller(self, target: CallTarget, caller: str | None, address: Address) -> CallerId:
        """Who calls: `caller`, if it is given, as the target's trunk says it; `address` is where the INVITE goes.
        Raises UserError."""
        if target.trunk:
            return caller_id(self._config.trunks[target.trunk], caller)
        if caller is None or self.endpoint is None:
            return CallerId()
        host = media_host(self._config.sip, self.endpoint.address, address)
        return CallerId(f"sip:{caller}@{f'[{host}]' if ':' in host else host}")

    def invite(
        self, call: str, target: CallTarget, caller: CallerId, at: Target, headers: tuple[tuple[str, str], ...]
    ) -> Invite:
        """Complete but for its SDP; its handle is `call`."""
        trunk = self._config.trunks.get(target.trunk)
        return Invite(
            target.uri,
            b"",
            caller.uri,
            at,
            (*caller.headers, *headers),
            from_display=caller.display,
            transport=at.transport,
            contact_user=(trunk.our_user or None) if trunk is not None else None,
            # Nobody else proves a trunk's password, not even to the trunk's host.
            auth_user=(trunk.auth_user or trunk.user or "") if trunk is not None else "",
            policy=self._config.signalling.policy(trunk),
            call_id=uuid4().hex,
            call=call,
            secure=self._config.rtp.srtp == "required",
        )


def shown(caller: CallerId) -> str:
    """For the record: the number, wherever it is said."""
    for name, value in caller.headers:
        if name.startswith("P-"):
            return value.strip("<>")
    return caller.uri or ""
