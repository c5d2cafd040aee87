"""Checks what an owner's commands would send, before anything changes. Pure. Each raises LocalError."""

from collections.abc import Iterable

from offhook.sip import commands
from offhook.sip.dialog.context import Context
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.message.grammar import is_token
from offhook.sip.message.reason import EndReason, fields
from offhook.sip.message.uri import Uri


def progress_of(command: commands.Ring) -> Context:
    """What a Ring sends."""
    if not 101 <= command.status <= 199:
        raise LocalError(f"{command.status} is no progress: give a status from 101 to 199")
    return Context(status=command.status, sdp=command.sdp)


def reasons_of(command: commands.Bye | commands.Cancel) -> tuple[EndReason, ...]:
    """The reasons of a BYE or CANCEL, which can be sent."""
    checked_headers(fields(command.reasons))
    return command.reasons


def refusal_of(command: commands.Reject | commands.RejectReinvite) -> Context:
    """What a Reject sends."""
    if not 300 <= command.status <= 699:
        raise LocalError(f"{command.status} refuses nothing: give a status from 300 to 699")
    if command.reason is not None and not _is_line(command.reason):
        raise LocalError(f"reason {command.reason!r} cannot be sent: one line of text is needed")
    return Context(status=command.status, headers=checked_headers(command.headers), reason=command.reason)


def checked_headers(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those given, which can be sent."""
    checked = tuple(headers)
    for name, value in checked:
        # Checked before any state changes: a response that cannot be written would leave a request unanswered.
        if not is_token(name) or not _is_line(value):
            raise LocalError(f"header {name!r} cannot be sent: a name and one line of text are needed")
    return checked


def check_parts(invite: commands.Invite) -> None:
    """An Invite's parts, the URIs and headers apart."""
    if invite.contact_user is not None and not is_token(invite.contact_user):
        raise LocalError(f"{invite.contact_user!r} cannot be the user of a Contact")
    if not _is_line(invite.from_display):
        raise LocalError(f"{invite.from_display!r} cannot be a display name: one line of text is needed")
    if invite.call_id and (not invite.call_id.isascii() or not invite.call_id.isprintable() or " " in invite.call_id):
        raise LocalError(f"{invite.call_id!r} cannot be a Call-ID")


def _is_line(value: str) -> bool:
    if any(char in value for char in "\r\n\0"):
        return False
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def check_account(registrar: str, aor: str) -> None:
    """An account's registrar and address of record."""
    for uri in (registrar, aor):
        check_uri(uri)
    if Uri.parse(registrar).user is not None:
        raise LocalError(f"{registrar} has a user: a registrar is a host alone")


def check_uri(uri: str) -> None:
    """What a request may be sent to."""
    try:
        Uri.parse(uri)
    except ParseError as error:
        raise LocalError(f"{uri!r} is not a URI that can be called: {error}") from error
    if any(char in uri for char in "<>\r\n\0"):
        raise LocalError(f"{uri!r} has a character that is not allowed in a URI")
