"""Where the call to another party goes, for a transfer: by the caller's trunk, another one, or directly. Pure.

Who may be called is `[transfer]`'s to say, also where such a call is redirected; what calls out from outside a call
may reach (`allowed_numbers`, `allowed_addresses`) is another list.
"""

from dataclasses import replace

from offhook.carriers.call_target import CallTarget, by_trunk, require_number, trunk_target
from offhook.settings.config import Config
from offhook.settings.sip_address import SipAddress, is_sip
from offhook.settings.trunks import TrunkConfig
from offhook.transfer.targets import is_target
from offhook.usererror import UserError


def leg_target(address: str, trunk: str, host: str, config: Config) -> CallTarget:
    """The target of a number, an extension or a SIP URI. A number goes by `trunk`, or, without one, to `host`. A URI
    goes by the trunk at its host, `trunk` before others, and else directly. One at a trunk's host whose port or
    transport are not the trunk's is somebody else there: it is called directly, so without the trunk's password, but
    the trunk's limits count. Raises UserError."""
    if not is_sip(address):
        if trunk:
            return trunk_target(address, trunk, config.trunks[trunk])
        require_number(address)
        return CallTarget(str(SipAddress(address, host)), address)
    given = SipAddress.parse(address)
    ordered = sorted(config.trunks, key=lambda name: name != trunk)
    there = [name for name in ordered if config.trunks[name].uri_host.lower().rstrip(".") == given.host]
    by = next((name for name in there if _goes_by(given, config.trunks[name])), "")
    if not by:
        return CallTarget(str(given), given.name, at_trunk=there[0] if there else "")
    return CallTarget(str(replace(given, host=config.trunks[by].uri_host, transport="")), given.name, by)


def leg_redirected(contact: str, before: CallTarget, config: Config) -> CallTarget | None:
    """Where a redirected call to another party may go: to what callers may be transferred to; None: nowhere."""
    try:
        if before.trunk:
            target = by_trunk(contact, before, config, config.transfer.allow)
        else:
            target = leg_target(contact, "", "", config)
    except UserError:
        return None
    same = (target.trunk, target.at_trunk) == (before.trunk, before.at_trunk)  # what was counted stays right
    return target if same and is_target(target.name, config) else None


def _goes_by(address: SipAddress, trunk: TrunkConfig) -> bool:
    asked = "tls" if address.secure else address.transport
    if address.secure and trunk.transport == "auto":
        return False  # it need not be TLS
    if asked and trunk.transport not in ("auto", asked):
        return False
    return address.port in (None, trunk.port or (5061 if "tls" in (asked, trunk.transport) else 5060))
