"""The types of settings: hosts, ports, URLs, numbers, names, secrets, each with its own error messages."""

import re
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from typing import Annotated

from pydantic import AfterValidator, Field, PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from offhook.pipeline.language import TAG


class Secret:
    """Marks a setting that is never printed: `Annotated[str, SECRET]`."""


SECRET = Secret()

# RFC 1123 §2.1. Underscores are not allowed there, but are in names on container networks.
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_SCOPE = re.compile(r"[A-Za-z0-9_.-]{1,15}")
"""The name of an interface in Linux, as far as they are used."""
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]/@\s]+)):(\d{1,5})")


def _wrong(why: str, example: str | None = None) -> PydanticCustomError:
    context = {"why": why} | ({"example": example} if example is not None else {})
    return PydanticCustomError("value", "{why}", context)


def check_host(host: str) -> str:
    """An IP address without brackets, or a host name; without a port."""
    return _checked_host(host, "port")


def _checked_host(host: str, port_key: str) -> str:
    if "://" in host:
        raise _wrong("it is a URL: a host is a plain name or address")
    if found := _WITH_PORT.fullmatch(host):
        raise _wrong(f"a port has a key of its own: `{port_key} = {found[3]}`", found[1] or found[2])
    bare = host.removeprefix("[").removesuffix("]")
    if ":" in bare:
        if bare != host and _is_ip(bare):
            raise _wrong("an IPv6 address is written without brackets here", bare)
        if not _is_ip(host):
            raise _wrong("it has a colon, and is not an IPv6 address")
        if "%" in host and not _SCOPE.fullmatch(host.partition("%")[2]):
            raise _wrong("what follows % must be the name or number of an interface of this machine", "fe80::1%eth0")
        return host
    if re.fullmatch(r"[0-9.]+", host):
        if not _is_ip(host):
            raise _wrong("it is not an IPv4 address: those are four numbers from 0 to 255")
        return host
    name = host.removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _wrong("it must be a plain name or address: letters, digits, dots and hyphens")
    return host


def check_reachable_host(host: str) -> str:
    """A host that others can reach."""
    _checked_host(host, "advertised_port")
    if "%" in host:
        # RFC 4007 §11; and RFC 3261's grammar has no place for one.
        raise _wrong("an address with a scope (%) means something on this machine only")
    number = ip_address(host) if _is_ip(host) else None
    if number is not None and (number.is_unspecified or number.is_multicast):
        raise _wrong("nobody can send to it: it must be one address, under which others reach this machine")
    return host


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def check_url(url: str) -> str:
    """An http or https URL without user, query and fragment."""
    if "://" not in url:
        raise _wrong("it must begin with https:// (or http://)", f"https://{url}" if check_plain(url) else None)
    if not re.match(r"https?://", url):
        raise _wrong("it must begin with https:// (or http://)")
    if not re.fullmatch(r"https?://[^\s?#@/]+(?:/[^\s?#@]*)?", url):
        raise _wrong("it must be a scheme, a host and perhaps a port and a path: no user, query or blank")
    return url


def check_plain(text: str) -> bool:
    """Whether `text` can be used in a URL unescaped."""
    return re.fullmatch(r"[^\s?#@:]+(?::\d+)?(?:/[^\s?#@]*)?", text) is not None


def matching(pattern: str, why: str) -> Callable[[str], str]:
    """A validator: the whole text matches `pattern`, or `why` it must."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise _wrong(why)
        return text

    return check


def _matched(pattern: str, why: str) -> AfterValidator:
    return AfterValidator(matching(pattern, why))


Host = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(check_host)]
ReachableHost = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(check_reachable_host)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Url = Annotated[str, Field(max_length=500), AfterValidator(check_url)]
Endpoint = Annotated[
    str, _matched(r"answer|silence|[\w.]+:\w+", "it must be answer, silence, or MODULE:FUNCTION as in mybot:policy")
]
MatcherName = Annotated[str, _matched(r"[\w.]+:\w+", "it must be MODULE:FUNCTION as in mybot:matcher")]
_ENGINE = r"[A-Za-z0-9_.-]{1,100}(:[A-Za-z0-9_.]{1,100})?"
_ENGINE_RULE = "an engine's name has letters, digits and . _ - only, or is module:factory"
EngineName = Annotated[str, _matched(_ENGINE, _ENGINE_RULE)]
MAX_ENGINES = 4


def check_engines(value: object) -> str | tuple[str, ...]:
    """An engine's name, or a list of names: a chain. A list of one is that engine."""
    names: Sequence[object] = value if isinstance(value, list | tuple) else (value,)
    if not 1 <= len(names) <= MAX_ENGINES:
        raise _wrong(f"a chain has 1 to {MAX_ENGINES} engines")
    check = matching(_ENGINE, _ENGINE_RULE)
    for name in names:
        if not isinstance(name, str):
            raise _wrong("it must be an engine's name, or a list of them")
        check(name)
    if len(set(names)) < len(names):
        raise _wrong("an engine is named twice; an instance under another name may be used, a table with `engine`")
    return str(names[0]) if len(names) == 1 else tuple(map(str, names))


def _engines_as_json(names: str | tuple[str, ...]) -> str | list[str]:
    return names if isinstance(names, str) else list(names)


EngineNames = Annotated[str | tuple[str, ...], PlainValidator(check_engines), PlainSerializer(_engines_as_json)]
"""One engine, or a chain of them."""

LanguageTag = Annotated[str, _matched(TAG, "a language is a BCP 47 tag, such as en, en-GB or de")]


def check_networks(networks: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks, such as 198.51.100.0/24."""
    for each in networks:
        try:
            ip_network(each, strict=False)
        except ValueError:
            why = "{value} is neither an address nor a network"
            raise PydanticCustomError("network", why, {"value": repr(each), "example": ("203.0.113.7",)}) from None
    return networks


Networks = Annotated[tuple[str, ...], AfterValidator(check_networks)]
SipUser = Annotated[
    str, _matched(r"[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,128}", "a user is what stands before the @ of an address")
]
Line = Annotated[str, _matched(r"[^\x00-\x1f\x7f]{1,256}", "it must be one line of text")]

HostPort = Annotated[
    str, _matched(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]{1,253})(?::[0-9]{1,5})?", "it must be HOST, or HOST:PORT")
]


def split_host_port(text: str) -> tuple[str, int | None]:
    """Host, without brackets, and port of a `HostPort`; port None: not given."""
    host, _, port = text.rpartition(":") if not text.endswith("]") and ":" in text else (text, "", "")
    return host.strip("[]"), int(port) if port else None


def _check_ip_port(text: str) -> str:
    if not _is_ip(split_host_port(text)[0]):
        raise _wrong("it must be an IP address, with a port if it is not the usual one")
    return text


IpPort = Annotated[HostPort, AfterValidator(_check_ip_port)]

E164 = Annotated[str, _matched(r"\+[1-9][0-9]{6,14}", "a number is a plus sign, the country code, and digits only")]
E164Pattern = Annotated[
    str,
    _matched(
        r"\+[1-9][0-9]{0,14}\*?", "a number is a plus sign and digits only; a `*` at its end stands for any digits"
    ),
]
AccountSid = Annotated[str, _matched(r"AC[0-9a-fA-F]{32}", "an account SID is AC and 32 hexadecimal digits")]
StreamToken = Annotated[
    str, _matched(r"[A-Za-z0-9_-]{16,128}", "it goes into URLs: 16 to 128 letters, digits, hyphens and underscores")
]
