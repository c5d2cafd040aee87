"""Who a certificate is for, by RFC 5922 §7.1 and §7.2: PJSIP itself takes a common name beside other names, and what
only looks like one in the subject. Pure."""

import ssl
from dataclasses import dataclass
from ipaddress import ip_address

from offhook.sip.errors import ParseError
from offhook.sip.message.uri import Uri
from offhook.sip.net.address import numeric

MOST_SHOWN = 4
"""Of a certificate's names and addresses, to people."""

_IDENTIFIER, _VERSION, _EXTENSIONS = 0x06, 0xA0, 0xA3
_DNS, _URI, _ADDRESS = 0x82, 0x86, 0x87
"""Tags of DER, of a certificate (RFC 5280 §4.1) and of its alternative names (§4.2.1.6)."""
_SUBJECT = 4
"""Which field of a certificate without its version it is."""
_COMMON_NAME, _ALTERNATIVE_NAMES = b"\x55\x04\x03", b"\x55\x1d\x11"
_CODECS = {0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""Of UniversalString and BMPString; the others are ASCII, or UTF-8."""


@dataclass(frozen=True, slots=True)
class Identities:
    """Of one certificate. Names are in small letters."""

    names: frozenset[str]
    """Of domains and hosts: of `sip` URIs, and of the DNS; where there are no alternative names, common names."""
    addresses: frozenset[str]

    def have(self, host: str) -> bool:
        """Whether it is for that host, a name or an address. There are no wildcards (§7.2)."""
        number = numeric(host)
        return host.lower() in self.names if number is None else str(number) in self.addresses

    def __str__(self) -> str:
        found = sorted(self.names | self.addresses)
        return ", ".join([*found[:MOST_SHOWN], *(["…"] if len(found) > MOST_SHOWN else [])]) or "nobody"


def identities(pem: str) -> Identities:
    """Of a certificate in PEM. Raises ValueError."""
    try:
        return _identities(ssl.PEM_cert_to_DER_cert(pem))
    except (IndexError, ValueError):
        raise ValueError("it cannot be read") from None


def _identities(der: bytes) -> Identities:
    ((_, certificate),) = _elements(der)
    fields = [field for field in _elements(_elements(certificate)[0][1]) if field[0] != _VERSION]
    general = _alternative_names(fields)
    if general is None:
        return Identities(frozenset(_common_names(fields[_SUBJECT][1])), frozenset())
    domains = (_domain(value) for tag, value in general if tag == _URI)
    hosts = (_text(value) for tag, value in general if tag == _DNS)
    addresses = (str(numeric(str(ip_address(value)))) for tag, value in general if tag == _ADDRESS)
    return Identities(frozenset((*domains, *hosts)) - {""}, frozenset(addresses))


def _alternative_names(fields: list[tuple[int, bytes]]) -> list[tuple[int, bytes]] | None:
    for tag, extensions in fields:
        if tag == _EXTENSIONS:
            for _, extension in _elements(_elements(extensions)[0][1]):
                parts = _elements(extension)
                if parts[0] == (_IDENTIFIER, _ALTERNATIVE_NAMES):
                    return _elements(_elements(parts[-1][1])[0][1])
    return None


def _common_names(subject: bytes) -> list[str]:
    pairs = [_elements(pair) for _, several in _elements(subject) for _, pair in _elements(several)]
    return [_text(value, tag) for identifier, (tag, value) in pairs if identifier == (_IDENTIFIER, _COMMON_NAME)]


def _domain(value: bytes) -> str:
    """Of a URI; "": it is none of a domain, but of a user or of something else."""
    try:
        uri = Uri.parse(_text(value))
    except ParseError:
        return ""
    return uri.host if uri.scheme == "sip" and uri.user is None else ""


def _text(value: bytes, tag: int = 0) -> str:
    return value.decode(_CODECS.get(tag, "utf-8"), "replace").lower()


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and contents of each element of DER. Raises ValueError, IndexError."""
    found, at = [], 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(data[at : at + octets])
            at += octets
        if at + length > len(data):
            raise ValueError("cut off")
        found.append((tag, data[at : at + length]))
        at += length
    return found
