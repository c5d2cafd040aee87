"""Where the call to another party goes, for a transfer: by the caller's trunk, another one, or directly. Pure.

Who may be called is `[transfer]`'s to say, also where such a call is redirected; what calls out from outside a call
may reach (`allowed_numbers`, `allowed_addresses`) is another list.
"""

from offhook.carriers.call_target import CallTarget, by_trunk, escaped, trunk_target
from offhook.settings.config import Config
from offhook.settings.trunks import TrunkConfig
from offhook.sip.errors import ParseError
from offhook.sip.message.uri import Uri
from offhook.transfer.targets import is_target
from offhook.usererror import UserError


def leg_target(address: str, trunk: str, host: str, config: Config) -> CallTarget:
    """The target of a number, an extension or a SIP URI. A number goes by `trunk`, or, without one, to `host`. A URI is
    called as it stands, by the trunk whose host and port it has, `trunk` before others. Raises UserError."""
    if not address.startswith(("sip:", "sips:")):
        if trunk:
            return trunk_target(address, trunk, config.trunks[trunk])
        return CallTarget(f"sip:{escaped(address)}@{host}", address)
    try:
        uri = Uri.parse(address)
    except ParseError as error:
        raise UserError(f"{address[:60]!r} cannot be called", error.reason, "sip:USER@HOST") from error
    ordered = sorted(config.trunks, key=lambda name: name != trunk)
    by = next((name for name in ordered if _is_at(uri, config.trunks[name])), "")
    name = f"{uri.user or ''}@{uri.host.lower()}"
    return CallTarget(address, name, by)


def leg_redirected(contact: str, before: CallTarget, config: Config) -> CallTarget | None:
    """Where a redirected call to another party may go: to what callers may be transferred to; None: nowhere."""
    try:
        if before.trunk:
            target = by_trunk(contact, before, config, config.transfer.allow)
        else:
            target = leg_target(contact, "", "", config)
    except UserError:
        return None
    return target if is_target(target.name, config) and target.trunk == before.trunk else None


def _is_at(uri: Uri, trunk: TrunkConfig) -> bool:
    if uri.host.lower() != trunk.uri_host.lower():
        return False
    transport = "tls" if uri.scheme == "sips" else (uri.params.get("transport") or "").lower()
    if transport and transport != trunk.transport:
        return False
    return uri.port in (None, trunk.port or (5061 if trunk.transport == "tls" else 5060))
