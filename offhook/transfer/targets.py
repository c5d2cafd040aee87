"""Where a call may be transferred to, and the URI. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from offhook.settings.allowed import is_listed
from offhook.settings.config import Config
from offhook.settings.sip_address import SipAddress, is_sip
from offhook.settings.transfer import TARGET
from offhook.transfer.outcome import TransferError, TransferFailure
from offhook.usererror import UserError, did_you_mean


@dataclass(frozen=True, slots=True)
class Target:
    """`name` as the dialog has it; `address` is a number, an extension or a SIP URI."""

    name: str
    address: str

    def uri(self, host: str) -> str:
        """The URI to call; a number or an extension is one of `host` (with a port or not)."""
        return self.address if is_sip(self.address) else str(SipAddress(self.address, host))


def target_of(given: str, config: Config) -> Target:
    """The target of a name, a number or an address. Raises TransferError for what the settings do not allow."""
    settings = config.transfer
    if given in settings.targets:
        address = _bare(settings.targets[given])
        if _name_of(address) is None:
            what, why = f"calls cannot be transferred to {given}", f"{address!r} is not an address that can be called"
            raise TransferError(TransferFailure.NOT_POSSIBLE, what, why, f"`{given}` below `[transfer.targets]`")
        return Target(given, address)
    shown = given[:80]
    if TARGET.fullmatch(given) is None:
        known = list(settings.targets)
        todo = did_you_mean(given, known) if known else "`[transfer.targets]`, and its name and address below"
        why = "it is neither a name in `[transfer.targets]`, nor a number or a SIP address"
        raise TransferError(TransferFailure.NOT_ALLOWED, f"calls cannot be transferred to {shown!r}", why, todo)
    address = _bare(given)
    name = _name_of(address)
    if name is None or not is_listed(settings.allow, name):
        raise TransferError(
            TransferFailure.NOT_ALLOWED,
            f"calls may not be transferred to {shown}",
            "`transfer.allow` does not list it, and neither does `[transfer.targets]`",
            f'`allow = ["{name or "USER@HOST"}"]` below `[transfer]`, if it is yours to allow',
        )
    return Target(given, address if address == name else str(SipAddress.parse(address)))


def targets_of(given: Sequence[str], config: Config) -> tuple[list[Target], dict[str, TransferError]]:
    """The targets of names, numbers and addresses that may be called, each once; and why the others may not be."""
    found, refused = dict[Target, None](), dict[str, TransferError]()
    for each in given:
        try:
            found[target_of(each, config)] = None
        except TransferError as error:
            refused[each] = error
    return list(found), refused


def is_target(name: str, config: Config) -> bool:
    """Whether callers may be transferred to a number, an extension or USER@HOST."""
    named = (_name_of(_bare(address)) for address in config.transfer.targets.values())
    return name in named or is_listed(config.transfer.allow, name)


def _bare(given: str) -> str:
    return given.removeprefix("tel:")


def _name_of(address: str) -> str | None:
    """What patterns are compared with: the number, or USER@HOST; None for what is not to be called."""
    if not is_sip(address):
        return address
    try:
        return SipAddress.parse(address).name
    except UserError:
        return None
