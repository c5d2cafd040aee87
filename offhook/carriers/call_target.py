"""What a call out goes to, and who calls: a number by a trunk, or a SIP address. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from offhook.settings.allowed import is_listed
from offhook.settings.config import Config
from offhook.settings.routes import dialled_number
from offhook.settings.sip_address import SipAddress, is_sip, not_callable
from offhook.settings.trunks import TrunkConfig
from offhook.usererror import UserError, did_you_mean

MAX_ADDRESS_CHARS = 256
MAX_HEADERS = 16
MAX_HEADER_CHARS = 500

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_USER = re.compile(r"[A-Za-z0-9_.*#-][A-Za-z0-9_.*#+-]{0,63}")
_HEADER = re.compile(r"(?i)X-[A-Za-z0-9-]{1,60}|User-to-User|Subject|Alert-Info|Call-Info|Priority")

ANONYMOUS = "sip:anonymous@anonymous.invalid"
"""RFC 3323 §4.1."""


@dataclass(frozen=True, slots=True)
class CallTarget:
    """`uri` is the Request-URI. `name` is what lists of the allowed have: by a trunk the number or the extension as it
    was asked for, else USER@HOST. `trunk` is empty for a call that goes to its address directly; `at_trunk` is then the
    trunk at whose host that is, if there is one."""

    uri: str
    name: str
    trunk: str = ""
    at_trunk: str = ""

    @property
    def counted_by(self) -> str:
        """The trunk whose limits count, empty for none: a call to its host is one of its calls, whatever the port."""
        return self.trunk or self.at_trunk


@dataclass(frozen=True, slots=True)
class CallerId:
    """Who calls: From, and further header fields. `uri` None: the user agent's own."""

    uri: str | None = None
    display: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def call_target(address: str, trunk: str | None, config: Config) -> CallTarget:
    """The target of `+15551234567`, `tel:+1-555-123-4567`, `100` or `sip:USER@HOST`. Raises UserError.

    An address at a trunk's host goes by that trunk, whatever its port and transport: the trunk's limits, its password
    and its servers count for it. The URI has no more than what lists of the allowed are compared with, and a port and a
    transport.
    """
    if trunk is not None and trunk not in config.trunks:
        known = list(config.trunks)
        todo = did_you_mean(trunk, known) if known else "`[trunks.NAME]` in the settings, and its name here"
        raise UserError(f"there is no trunk {trunk[:60]!r}", "trunks are `[trunks.NAME]` in the settings", todo)
    if len(address) > MAX_ADDRESS_CHARS:
        raise not_callable(address, f"it has more than {MAX_ADDRESS_CHARS} characters")
    if is_sip(address):
        return _sip_target(address, trunk, config)
    # RFC 3966 has no blanks, but people write numbers with them.
    number = dialled_number(address.replace(" ", "") if address.startswith(("+", "tel:")) else address)
    name = _the_trunk(address, trunk, config)
    return trunk_target(number, name, config.trunks[name])


def trunk_target(number: str, name: str, trunk: TrunkConfig) -> CallTarget:
    """The target of a number, or of an extension, by a trunk. Raises UserError."""
    require_number(number)
    return CallTarget(str(SipAddress(written(number, trunk), trunk.uri_host, trunk.port)), number, name)


def require_number(number: str) -> None:
    """Raises UserError for what is neither a number nor an extension or a name."""
    if number.startswith("+") and not _E164.fullmatch(number):
        raise not_callable(number, "after a plus sign come the country code and 7 to 15 digits in all")
    if not number.startswith("+") and not _USER.fullmatch(number):
        raise not_callable(number, "it is neither a number nor a name")


def written(number: str, trunk: TrunkConfig) -> str:
    """A number as the trunk writes it; without a plus sign it stays as it is."""
    if not number.startswith("+") or trunk.number_format == "e164":
        return number
    digits = number[1:]
    if trunk.number_format == "e164_without_plus":
        return digits
    country = trunk.country_code or ""
    if digits.startswith(country):
        return trunk.national_prefix + digits.removeprefix(country)
    return trunk.international_prefix + digits


def keyed_number(number: str, trunk: TrunkConfig) -> str:
    """A number that somebody has keyed, where there is no plus sign, or that the trunk has sent without one: as one of
    those that are listed, if it can be that."""
    listed = trunk.allowed_numbers
    if not number.isdigit() or is_listed(listed, number):
        return number
    ways = [f"+{number}"]
    if number.startswith(trunk.international_prefix):
        ways.insert(0, f"+{number.removeprefix(trunk.international_prefix)}")
    if trunk.country_code is not None:
        national = number.removeprefix(trunk.national_prefix)
        ways += [f"+{trunk.country_code}{each}" for each in dict.fromkeys((national, number))]
    return next((each for each in ways if _E164.fullmatch(each) and is_listed(listed, each)), number)


def require_listed(target: CallTarget, config: Config, *, by_others: bool) -> None:
    """Raises UserError for what may not be called. `by_others`: a program over HTTP asks for it, or a far end that
    redirects a call, and not the one who runs the bot; then only what is listed may be called."""
    if target.trunk:
        allowed = config.trunks[target.trunk].allowed_numbers
        key, below = f'`allowed_numbers = ["{target.name}"]`', f"`[trunks.{target.trunk}]`"
        what = f"{target.name[:60]} may not be called by the trunk {target.trunk}"
    else:
        allowed = config.outbound.allowed_addresses
        key, below = f'`allowed_addresses = ["{target.name}"]`', "`[outbound]`"
        what = f"{target.name[:60]} may not be called"
    if not allowed and not by_others:
        return
    if not is_listed(allowed, target.name):
        why = "no pattern there allows it: a free choice would be toll fraud"
        raise UserError(what, why, f"{key} below {below}, if it is yours")


def redirected(contact: str, before: CallTarget, config: Config) -> CallTarget | None:
    """Where a redirected call may go: to a listed number of the same trunk, or a listed address; None: nowhere."""
    try:
        target = (
            call_target(contact, None, config)
            if not before.trunk
            else by_trunk(contact, before, config, config.trunks[before.trunk].allowed_numbers)
        )
        require_listed(target, config, by_others=True)
    except UserError:
        return None
    return target if target.trunk == before.trunk else None


def by_trunk(contact: str, before: CallTarget, config: Config, listed: Iterable[str]) -> CallTarget:
    """A Contact of a trunk's redirection: its host may be one of the trunk's servers, so the number alone counts; and
    it is written as the trunk writes numbers: as one of those that are `listed`, if it can be that. Raises
    UserError."""
    trunk = config.trunks[before.trunk]
    number = dialled_number(contact)
    if not number.startswith("+"):
        whole = [each for each in listed if each.startswith("+") and not each.endswith("*")]
        number = next((each for each in whole if written(each, trunk) == number), _read(number, trunk))
    return trunk_target(number, before.trunk, trunk)


def caller_id(trunk: TrunkConfig, caller: str | None) -> CallerId:
    """Who calls by a trunk: `caller`, else the trunk's `caller_id`, else its `user`. Raises UserError."""
    shown = caller or trunk.caller_id or trunk.user
    if shown is None:
        return CallerId()
    uri = _caller_uri(shown, trunk)
    header = trunk.caller_id_header
    if trunk.hide_caller_id:
        name = "P-Asserted-Identity" if header == "p-asserted-identity" else "P-Preferred-Identity"
        return CallerId(ANONYMOUS, "Anonymous", ((name, f"<{uri}>"), ("Privacy", "id")))
    if header == "from":
        return CallerId(uri)
    name = "P-Asserted-Identity" if header == "p-asserted-identity" else "P-Preferred-Identity"
    return CallerId(_caller_uri(trunk.user or shown, trunk), "", ((name, f"<{uri}>"),))


def require_caller(caller: str) -> None:
    """Raises UserError for what cannot be a caller: neither a number nor a name."""
    if not (_E164.fullmatch(caller) or _USER.fullmatch(caller)):
        raise UserError(
            f"{caller[:60]!r} cannot be the caller", "it is neither a number nor a name", "+15551230000, for example"
        )


def may_be_given(name: str) -> bool:
    """Whether others may choose a header field of that name for an INVITE: no call depends on it, and nobody is known
    by it."""
    return _HEADER.fullmatch(name) is not None


def checked_headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Header fields for the INVITE. Raises UserError for those that a call depends on, and for what is no header."""
    given = tuple(headers.items() if isinstance(headers, Mapping) else headers)
    if len(given) > MAX_HEADERS:
        raise UserError("the call cannot have these headers", f"there are more than {MAX_HEADERS}", "send fewer")
    for name, value in given:
        if not may_be_given(name):
            why = "a call out may have X-…, User-to-User, Subject, Alert-Info, Call-Info and Priority"
            raise UserError(f"the call cannot have the header {name[:60]!r}", why, "X-Order: 4711, for example")
        if len(value) > MAX_HEADER_CHARS or not value.isprintable():
            why = f"it must be one line of at most {MAX_HEADER_CHARS} characters"
            raise UserError(f"the header {name} cannot have this value", why, "one short line of text")
    return given


def _sip_target(address: str, trunk: str | None, config: Config) -> CallTarget:
    at_host = SipAddress.parse(address)
    if not at_host.user:
        raise not_callable(address, "it has no user")
    number = dialled_number(at_host.user)
    at = [name for name, each in config.trunks.items() if each.uri_host.lower().rstrip(".") == at_host.host]
    if trunk is not None and trunk not in at:
        why = f"it is at {at_host.host}, and the trunk {trunk} calls at {config.trunks[trunk].uri_host} only"
        raise not_callable(address, why)
    if trunk is None and at:
        trunk = at[0]
    if trunk is not None:
        return trunk_target(number, trunk, config.trunks[trunk])
    if not (_E164.fullmatch(number) or _USER.fullmatch(number)):
        raise not_callable(address, "its user is neither a number nor a name")
    called = replace(at_host, user=number)
    return CallTarget(str(called), called.name)


def _read(number: str, trunk: TrunkConfig) -> str:
    """The inverse of `written`, where that is certain."""
    if trunk.number_format == "e164_without_plus" and _E164.fullmatch(f"+{number}"):
        return f"+{number}"
    if trunk.number_format == "national" and number.isdigit():
        if number.startswith(trunk.international_prefix):
            return f"+{number.removeprefix(trunk.international_prefix)}"
        if trunk.national_prefix and number.startswith(trunk.national_prefix):
            return f"+{trunk.country_code}{number.removeprefix(trunk.national_prefix)}"
    return number


def _the_trunk(address: str, trunk: str | None, config: Config) -> str:
    if trunk is not None:
        return trunk
    if len(config.trunks) == 1:
        return next(iter(config.trunks))
    if not config.trunks:
        todo = "`[trunks.NAME]` in the settings (docs/trunks.md), or sip:USER@HOST"
        raise not_callable(address, "a number is called by a trunk, and there is none", todo)
    names = ", ".join(config.trunks)
    why = f"there are several trunks: {names}"
    raise UserError(f"{address[:60]!r} cannot be called without a trunk", why, f"one of: {names}")


def _caller_uri(user: str, trunk: TrunkConfig) -> str:
    require_caller(user)
    return str(SipAddress(written(user, trunk), trunk.uri_host))
