"""REFER and NOTIFY as the user agent server gets them, Replaces in an INVITE, and the commands about transfers."""

from collections.abc import Iterable

from offhook.sip.dialog.invite_usage import Core, InviteUsage
from offhook.sip.dialog.tables import CallState
from offhook.sip.errors import LocalError, ParseError
from offhook.sip.message.grammar import split_list
from offhook.sip.message.identities import printable
from offhook.sip.message.message import Request
from offhook.sip.message.uri import Uri
from offhook.sip.refer.commands import AcceptRefer, NotifyRefer, Refer, RejectRefer
from offhook.sip.refer.events import ReferReceived
from offhook.sip.refer.refer_to import ReferTo
from offhook.sip.refer.replaces import Replaces
from offhook.sip.refer.transferee import Transferee
from offhook.sip.refer.transferor import Transferor
from offhook.sip.transaction.server import ServerTransaction
from offhook.sip.uas_checks import Refusal

NOT_FOUND = 481


def on_refer(usage: InviteUsage, server: ServerTransaction, now: float) -> None:
    """A REFER in a call: its owner decides. One at a time."""
    core, dialog = usage.core, usage.dialog
    if dialog is None or usage.machine.state is not CallState.CONFIRMED:
        return core.respond(server, 403, now, to_tag=usage.local_tag)
    if usage.transferee is not None and usage.transferee.busy:
        return core.respond(server, 491, now, to_tag=usage.local_tag)
    try:
        target = target_of(server.request)
    except ParseError as error:
        return core.respond(server, 400, now, to_tag=usage.local_tag, reason=error.reason)
    usage.transferee = Transferee(core, usage.call, dialog, usage.sender, server)
    core.events.append(ReferReceived(usage.call, target, referred_by(server.request)))
    return None


def target_of(request: Request) -> ReferTo:
    """Who a REFER wants called. Raises ParseError."""
    values = request.headers.get_all("Refer-To")
    if len(values) != 1:  # RFC 3515 §2.4.1
        raise ParseError("Refer-To must be there once")
    return ReferTo.parse(values[0])


def referred_by(request: Request) -> str:
    """Who has sent a REFER, by its own word; empty: it does not say."""
    return printable(request.headers.get("Referred-By") or "")


def on_notify(usage: InviteUsage, server: ServerTransaction, now: float) -> None:
    """A NOTIFY in a call: only our REFERs subscribe to anything."""
    status = NOT_FOUND if usage.transferor is None else usage.transferor.on_notify(server.request, now)
    headers = (("Allow-Events", "refer"),) if status == 489 else ()
    usage.core.respond(server, status, now, to_tag=usage.local_tag, headers=headers)


def replaces_of(request: Request) -> Replaces | Refusal | None:
    """Which dialog's place an INVITE wants; None: that of none; or why it cannot (RFC 3891 §3)."""
    values = [each for value in request.headers.get_all("Replaces") for each in split_list(value, "Replaces", 2)]
    if not values:
        return None
    if len(values) > 1 or "Join" in request.headers:
        return Refusal(400, reason="Replaces is there twice, or together with Join")
    try:
        return Replaces.parse(values[0])
    except ParseError as error:
        return Refusal(400, reason=error.reason)


def replaced_by(core: Core, request: Request, now: float) -> InviteUsage | Refusal | None:
    """The call that an INVITE wants to replace; None: it wants none; or why it cannot (RFC 3891 §3)."""
    replaces = replaces_of(request)
    if replaces is None or isinstance(replaces, Refusal):
        return replaces
    usage = core.dialogs.get(replaces.dialog_id)
    if usage is None:
        over = core.hung_up.recall(replaces.dialog_id, now) is not None
        return Refusal(603 if over else NOT_FOUND)
    match usage.machine.state:
        case CallState.CONFIRMED | CallState.ANSWERED:
            return Refusal(486) if replaces.early_only else usage
        case CallState.CLOSING:
            return Refusal(603)
        case _:
            # An early dialog is replaced only where we began it (§3).
            return Refusal(NOT_FOUND)


def send_refer(core: Core, usage: InviteUsage, refer: Refer, now: float) -> None:
    """Raises LocalError, and changes nothing, for what cannot be sent."""
    dialog = usage.dialog
    if dialog is None or usage.machine.state is not CallState.CONFIRMED:
        raise LocalError(f"call {refer.call} is {usage.machine.state.value}: it cannot be transferred now")
    if usage.transferor is not None and usage.transferor.busy:
        raise LocalError(f"call {refer.call} is being transferred already")
    refer_to = _refer_to(core, refer)
    transferor = Transferor(core, usage.call, dialog, usage.sender)
    try:
        str(refer_to)
    except ParseError as error:
        raise LocalError(f"{refer.target!r} cannot be referred to: {error}") from error
    usage.transferor = transferor
    transferor.send(refer, refer_to, now)


def answer_refer(usage: InviteUsage, command: AcceptRefer | RejectRefer | NotifyRefer, now: float) -> None:
    """Raises LocalError where no REFER waits for it."""
    transferee = usage.transferee
    if transferee is None:
        raise LocalError(f"call {command.call}: the far end sent no REFER")
    match command:
        case AcceptRefer():
            transferee.accept(now)
        case RejectRefer(status=status):
            if not 300 <= status <= 699:
                raise LocalError(f"{status} refuses nothing: give a status from 300 to 699")
            transferee.reject(status, now)
        case NotifyRefer(status=status, reason=reason):
            if not 100 <= status <= 699 or any(char in reason for char in "\r\n\0"):
                raise LocalError(f"{status} {reason!r} is no status of a call")
            transferee.notify(status, reason, now)


def _refer_to(core: Core, refer: Refer) -> ReferTo:
    target, headers = refer.target, list(_lines(refer.target_headers))
    if refer.replaces is not None:
        other = core.calls.get(refer.replaces)
        if other is None or other.dialog is None or other.machine.state is not CallState.CONFIRMED:
            raise LocalError(f"call {refer.replaces} is not answered: nobody can take our place in it")
        dialog = other.dialog
        target = target or dialog.remote_target
        # Their To tag is the far end's there, their From tag ours (RFC 3891 §4).
        headers.insert(0, ("Replaces", str(Replaces(dialog.call_id, dialog.remote_tag, dialog.local_tag))))
    try:
        uri = Uri.parse(target)
    except ParseError as error:
        raise LocalError(f"{target!r} is not a URI that can be called: {error}") from error
    return ReferTo(str(uri._replace(headers=None)), tuple(headers))


def _lines(headers: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in headers:
        if not name or any(char in name + value for char in "\r\n\0"):
            raise LocalError(f"header {name!r} cannot be sent: a name and one line of text are needed")
        yield name, value
