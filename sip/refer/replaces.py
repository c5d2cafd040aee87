"""Replaces: the dialog whose place a new call takes (RFC 3891 §6.1)."""

from dataclasses import dataclass

from offhook.sip.dialog.model import DialogId
from offhook.sip.errors import ParseError
from offhook.sip.message.params import Params


@dataclass(frozen=True, slots=True)
class Replaces:
    """`to_tag` is the tag of the one who gets the header, `from_tag` that of their far end.

    `early_only`: only a call that is not answered yet.
    """

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False

    @classmethod
    def parse(cls, text: str) -> "Replaces":
        """Read the header's value. Raises ParseError."""
        call_id, semicolon, rest = text.partition(";")
        call_id = call_id.strip(" \t")
        params = Params.parse(semicolon + rest, "Replaces")
        to_tag, from_tag = params.get("to-tag"), params.get("from-tag")
        if not call_id or any(char <= " " or char in ',<>"' for char in call_id) or not to_tag or not from_tag:
            raise ParseError("Replaces needs a Call-ID, a to-tag and a from-tag")
        return cls(call_id, to_tag, from_tag, "early-only" in params)

    @property
    def dialog_id(self) -> DialogId:
        """The dialog at the one who gets the header."""
        return self.call_id, self.to_tag, self.from_tag

    def __str__(self) -> str:
        early = ";early-only" if self.early_only else ""
        return f"{self.call_id};to-tag={self.to_tag};from-tag={self.from_tag}{early}"
