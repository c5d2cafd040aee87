"""The User-to-User header field: data of the caller's application, as a contact centre attaches it (RFC 7433)."""

from collections.abc import Iterable
from dataclasses import dataclass

from offhook.sip.errors import ParseError
from offhook.sip.message.grammar import is_token, quote, split_list, unquote
from offhook.sip.message.limits import MAX_LIST
from offhook.sip.message.params import NO_PARAMS, Params

HEX = "hex"


@dataclass(frozen=True, slots=True)
class UserToUser:
    """`data` as it is written there, without quotes: hexadecimal, unless `encoding` says something else."""

    data: str
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> "UserToUser":
        """Read one value. Raises ParseError."""
        text = text.strip(" \t")
        end = text.find('"', 1) + 1 if text.startswith('"') else (f"{text};").index(";")
        data, rest = text[:end].strip(" \t"), text[end:]
        if data.startswith('"'):
            data = unquote(data)
        elif not is_token(data):
            raise ParseError("User-to-User has no data")
        return cls(data, Params.parse(rest, "User-to-User") if rest.strip(" \t") else NO_PARAMS)

    def __str__(self) -> str:
        return f"{self.data if is_token(self.data) else quote(self.data)}{self.params}"

    @property
    def encoding(self) -> str:
        """`hex` where nothing else is said (RFC 7433 §4.1)."""
        return (self.params.get("encoding") or HEX).lower()

    @property
    def content(self) -> bytes:
        """The bytes that hexadecimal data stands for; other data, or such that is not hexadecimal, as UTF-8."""
        if self.encoding == HEX:
            try:
                return bytes.fromhex(self.data)
            except ValueError:
                pass
        return self.data.encode("utf-8", "replace")


def user_to_user(fields: Iterable[str]) -> tuple[UserToUser, ...]:
    """The values of header fields; what cannot be parsed is left out."""
    found: list[UserToUser] = []
    for field in fields:
        try:
            found += [UserToUser.parse(value) for value in split_list(field, "User-to-User", MAX_LIST)]
        except ParseError:
            continue
    return tuple(found[:MAX_LIST])
