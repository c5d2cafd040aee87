"""`offhook trunk recipe`: the settings of both sides for well-known trunks, with the user's own addresses.

Each recipe is a file in assets/trunks, in TOML: `title`, `sources` and their `date`, an example `host` and `user`, and
`ours` and `theirs`, texts in which `{{name}}` stands for a value. What a provider cannot do and what goes wrong with it
stands beside that. Where a host stands before a port, in a URI or alone, it is `{{sip_address}}` or `{{tls_address}}`,
and `{{public_net}}` in a list of networks: an IPv6 address is written in another way in each.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address, ip_network
from typing import Any

from offhook.cli.checks.addresses import outward
from offhook.settings.config import Config
from offhook.settings.sections import SipConfig
from offhook.sip.net.address import Address, numeric
from offhook.usererror import UserError, did_you_mean

_FOLDER = files("offhook") / "assets" / "trunks"
_VALUE = re.compile(r"\{\{([a-z_]+)\}\}")

EXAMPLE_NUMBER = "+15551230000"

_HOST = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9])?"
_FORMS = {
    "--trunk": (r"(?=.{1,40}$)[a-z0-9]+(?:_[a-z0-9]+)*", "small letters, digits and single underscores"),
    "--host": (_HOST, "a host name, or an IPv4 address"),
    "--bot-host": (_HOST, "a host name, or an IPv4 address"),
    "--number": (r"\+[1-9][0-9]{6,14}", "+15551230000, for example"),
    "--user": (r"[A-Za-z0-9_.+-]{1,64}", "letters, digits, dots, hyphens and underscores"),
}
"""They are written into settings, here and at the other side, so nothing else may be in them."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the user has said; None where they have not."""

    public_ip: str | None = None
    host: str | None = None
    bot_host: str | None = None
    number: str | None = None
    user: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Both sides' settings, ready to print. `password` names the variable that holds one, empty for none."""

    title: str
    sources: tuple[str, ...]
    date: str
    ours: str
    theirs: str
    theirs_file: str
    password: str
    cannot: tuple[str, ...]
    pitfalls: tuple[str, ...]
    notes: tuple[str, ...]
    name: str
    number: str

    def render(self) -> str:
        """All of it, as text: comments, our settings, and the other side's."""
        lines = [f"# {self.title}", *(f"# Source: {each}" for each in self.sources), f"# As of {self.date}."]
        lines += [f"# {each}" for each in self.notes]
        lines += ["", "# --- offhook.toml", "", self.ours.strip()]
        if self.password:
            lines += ["", "# --- the password, in the environment of the bot", "", f"#   export {self.password}=…"]
        where = self.theirs_file or "the other side"
        lines += ["", f"# --- {where}", "", self.theirs.strip()]
        if self.cannot:
            lines += ["", "# --- what it cannot do", "", *(f"# - {each}" for each in self.cannot)]
        if self.pitfalls:
            lines += ["", "# --- pitfalls", "", *(f"# - {each}" for each in self.pitfalls)]
        check = f"offhook trunk check {self.name} --config offhook.toml --call NUMBER"
        return "\n".join([*lines, "", "# --- and then", "", f"#   {check}"])

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "title": self.title,
            "sources": list(self.sources),
            "date": self.date,
            "ours": self.ours,
            "theirs": self.theirs,
            "password": self.password,
            "cannot": list(self.cannot),
            "pitfalls": list(self.pitfalls),
            "notes": list(self.notes),
        }


def names() -> dict[str, str]:
    """The recipes, with their titles."""
    found = (each.name.removesuffix(".toml") for each in _FOLDER.iterdir() if each.name.endswith(".toml"))
    return {name: str(_read(name)["title"]) for name in sorted(found)}


def recipe(name: str, given: Given, config: Config) -> Recipe:
    """A recipe, with what is given, else what the settings and this machine say. Raises UserError."""
    known = list(names())
    if name not in known:
        raise UserError(
            f"there is no recipe {name[:40]!r}", "offhook trunk recipe lists them", did_you_mean(name, known)
        )
    _check(given)
    found = _read(name)
    number = given.number or EXAMPLE_NUMBER
    public_ip, behind_nat = _public_ip(given, config.sip)
    trunk = given.name or name.replace("-", "_")
    bot_host = given.bot_host or public_ip
    sip_port, tls_port = config.sip.advertised_port or config.sip.port or 5060, config.sip.tls_port
    any_host = "::" if ":" in public_ip else "0.0.0.0"
    values = {
        "name": trunk,
        "host": given.host or found["host"],
        "user": given.user or found.get("user", "bot"),
        "number": number,
        "prefix": number[:-7] if len(number) > 9 else number[:3],
        "country": _country(number),
        "public_ip": public_ip,
        "public_net": _network(public_ip),
        "bot_host": bot_host,
        "sip_address": str(Address(public_ip, sip_port)),
        "tls_address": str(Address(bot_host, tls_port)),
        "advertised": _advertised(given, config.sip, public_ip, behind_nat=behind_nat),
        "sip_port": str(sip_port),
        "tls_port": str(tls_port),
        "any": any_host,
        "any_address": str(Address(any_host, 5060)),
        "rtp_min": str(config.rtp.port_min),
        "rtp_max": str(config.rtp.port_max),
    }
    notes = []
    if behind_nat and given.public_ip is None:
        notes.append(f"{public_ip} is a private address: --public-ip ADDRESS for a trunk outside of your network.")
    if given.host is None:
        notes.append(f"{found['host']} is an example: --host, with that of your trunk.")
    if given.number is None:
        notes.append(f"{number} is an example: --number, with yours.")
    return Recipe(
        found["title"],
        tuple(found["sources"]),
        str(found["date"]),
        _filled(found["ours"], values),
        _filled(found["theirs"], values),
        found.get("theirs_file", ""),
        f"OFFHOOK_TRUNKS__{trunk.upper()}__PASSWORD" if found.get("password") else "",
        tuple(found["cannot"]),
        tuple(found["pitfalls"]),
        tuple(notes),
        trunk,
        number,
    )


def _network(host: str) -> str:
    """An address as a network of one; a name as it is."""
    return host if numeric(host) is None else str(ip_network(host))


def _country(number: str) -> str:
    """The country code: one digit for +1 and +7, two for most others; the user corrects the rest."""
    return number[1] if number[1] in "17" else number[1:3]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _VALUE.sub(lambda found: values[found[1]], text)


def _check(given: Given) -> None:
    texts = {
        "--trunk": given.name,
        "--host": given.host,
        "--bot-host": given.bot_host,
        "--number": given.number,
        "--user": given.user,
    }
    for option, text in texts.items():
        pattern, form = _FORMS[option]
        if text is not None and not re.fullmatch(pattern, text):
            raise UserError(f"{option} cannot be {text[:60]!r}", f"it must be {form}", f"{option} …")
    if given.public_ip is not None and not _is_public_ip(given.public_ip):
        what = f"--public-ip cannot be {given.public_ip[:60]!r}"
        raise UserError(what, "it must be an address without a scope", "--public-ip 203.0.113.7, for example")


def _is_public_ip(text: str) -> bool:
    """Whether others can write it: the scope of a link-local address (RFC 4007 §11) counts here only, and may be
    anything."""
    try:
        return "%" not in str(ip_address(text))
    except ValueError:
        return False


def _public_ip(given: Given, sip: SipConfig) -> tuple[str, bool]:
    """The bot's address as trunks reach it, and whether this machine has only a private one."""
    local = outward("0.0.0.0") or "127.0.0.1"
    is_private = ip_address(local).is_private
    if given.public_ip is not None:
        return given.public_ip, is_private
    return sip.advertised_host or local, is_private and sip.advertised_host is None


def _advertised(given: Given, sip: SipConfig, public_ip: str, *, behind_nat: bool) -> str:
    if given.public_ip is not None or sip.advertised_host is not None:
        return f'advertised_host = "{public_ip}"'
    return '# advertised_host = "203.0.113.7"             # your public address, behind a NAT' if behind_nat else ""
