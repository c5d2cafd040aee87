"""A test call: INVITE, ringing, answer, session description, media, BYE."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from offhook.calls.outcome import OutcomeReason, outcome_of
from offhook.carriers.call_target import CallTarget, caller_id, written
from offhook.cli.trunk_check.asking import header, unproven
from offhook.cli.trunk_check.media import LISTEN_S, CallMedia
from offhook.cli.trunk_check.probe import Probe
from offhook.cli.trunk_check.report import Report, shown
from offhook.cli.trunk_check.scope import is_out_of_reach
from offhook.cli.trunk_check.sdp import Description, faults
from offhook.sip.commands import Bye, Cancel, Invite
from offhook.sip.errors import LocalError, ParseError, RemoteError
from offhook.sip.events import CallAnswered, CallEnded, CallProgress, CallRejected
from offhook.sip.message import typed
from offhook.sip.message.message import Response
from offhook.sip.tokens import random_token
from offhook.telephony.errors import LocalError as MediaError
from offhook.telephony.net.ports import PortsExhaustedError
from offhook.usererror import Problem

FIRST_RESPONSE_S = 8.0
"""A 100 comes at once where anybody is there; with a challenge and a second server."""

HANG_UP_S = 4.0

REPEATED_S = 0.3
"""A 2xx that comes again after this is one whose ACK was not seen: timer T1 is 0.5 s."""

CALLED_PARTY = frozenset(
    {OutcomeReason.BUSY, OutcomeReason.NO_ANSWER, OutcomeReason.UNAVAILABLE, OutcomeReason.DECLINED}
)
"""The trunk has done its part."""


@dataclass(slots=True)
class _Call:
    handle: str
    media: CallMedia
    began: float
    placed: bool = False
    early: bytes | None = None
    answer: CallAnswered | None = None
    over: CallRejected | CallEnded | None = None
    notes: list[Problem] = field(default_factory=list)


async def place_test_call(probe: Probe, report: Report, target: CallTarget, ring_s: float) -> None:
    """Call, listen for a few seconds, hang up. Without targets nothing is done."""
    if not probe.targets:
        return
    if probe.config.rtp.srtp == "required" and not probe.targets[0].transport.is_secure:
        why = '`rtp.srtp = "required"`, and keys in SDP can be read without TLS'
        report.fail("invite", Problem("no call is placed", why, f'`transport = "tls"` below `[trunks.{probe.name}]`'))
        return
    try:
        media = CallMedia(probe, probe.targets[0])
    except (PortsExhaustedError, OSError) as error:
        report.fail("invite", Problem("no call is placed", f"there are no ports for media: {error}", "--rtp-ports"))
        return
    call = _Call(random_token(), media, asyncio.get_running_loop().time())
    try:
        probe.endpoint.do(_invite(probe, target, call))
        call.placed = True
        await probe.until(lambda: _first_response(probe, call), FIRST_RESPONSE_S)
        if probe.responses("INVITE", call.handle) or call.over is not None:
            await probe.until(lambda: _settled(probe, call), ring_s)
        await _judge(probe, report, target, call, ring_s)
    except LocalError as error:
        report.fail("invite", Problem("no call is placed", str(error), "`user` and `caller_id` of the trunk"))
    finally:
        await _hang_up(probe, report, call)
        media.close()


def _invite(probe: Probe, target: CallTarget, call: _Call) -> Invite:
    trunk = probe.trunk
    caller = caller_id(trunk, None)
    first, *others = probe.targets
    return Invite(
        target.uri,
        call.media.offer(),
        caller.uri,
        first,
        caller.headers,
        from_display=caller.display,
        transport=first.transport,
        contact_user=trunk.our_user or None,
        auth_user=trunk.auth_user or trunk.user,
        policy=probe.config.signalling.policy(trunk),
        call_id=call.handle,
        call=call.handle,
        others=tuple(others),
        secure=probe.config.rtp.srtp == "required",
    )


def _first_response(probe: Probe, call: _Call) -> bool | None:
    return True if _settled(probe, call) or probe.responses("INVITE", call.handle) else None


def _settled(probe: Probe, call: _Call) -> bool | None:
    """True once the call is answered, refused or over; progress is noted on the way."""
    while probe.events:
        match probe.events.popleft():
            case CallProgress(sdp=sdp):
                if sdp is not None and call.early is None:
                    call.early = sdp
                    _listen_early(call, sdp)
            case CallAnswered() as answer:
                call.answer = answer
            case (CallRejected() | CallEnded()) as over:
                call.over = over
    return True if call.answer is not None or call.over is not None else None


def _listen_early(call: _Call, sdp: bytes) -> None:
    try:
        call.media.early(sdp)
    except (RemoteError, MediaError) as error:
        call.notes.append(Problem("early media cannot be used", shown(str(error)), "nothing, if the answer is good"))


async def _judge(probe: Probe, report: Report, target: CallTarget, call: _Call, ring_s: float) -> None:
    responses = probe.responses("INVITE", call.handle)
    details: dict[str, object] = {
        "responses": [f"{each.status} after {(at - call.began) * 1_000:.0f} ms" for at, each in responses[:20]]
    }
    if call.answer is not None:
        report.ok("invite", f"{target.name} answered: {_times(call, responses)}", details)
        await _judge_answer(probe, report, call, call.answer, responses)
    elif isinstance(call.over, CallRejected):
        _judge_refusal(probe, report, target, call, call.over, details)
    elif call.over is not None or not responses:
        what = f"{probe.targets[0]} does not answer INVITE"
        why = "it answered nothing at all; some are silent to addresses and accounts that they do not know"
        todo = f"the trunk's list of addresses; `user` below `[trunks.{probe.name}]`; a firewall"
        report.fail("invite", Problem(what, why, todo), details)
    else:
        what = f"{target.name} did not answer within {ring_s:g} s"
        why = f"the trunk took the call: {_times(call, responses)}"
        report.warn("invite", Problem(what, why, "--call with a number that answers, or a longer --ring-s"), details)


def _times(call: _Call, responses: list[tuple[float, Response]]) -> str:
    first: dict[int, float] = {}
    for at, response in responses:
        if response.status not in (401, 407):
            first.setdefault(response.status, at)
    parts = [f"{status} after {(at - call.began) * 1_000:.0f} ms" for status, at in list(first.items())[:6]]
    return ", ".join(parts) + (", with early media" if call.early is not None else "")


def _judge_refusal(
    probe: Probe, report: Report, target: CallTarget, call: _Call, refused: CallRejected, details: dict[str, object]
) -> None:
    outcome = outcome_of(refused)
    what = f"the call of {target.name} was refused: {shown(outcome.text)}"
    answer = next((r for _, r in reversed(probe.responses("INVITE", call.handle)) if r.status == refused.status), None)
    warning = header(answer, "Warning")
    if outcome.reason in CALLED_PARTY:
        why = f"the trunk took it, and the called party is {outcome.reason.value.replace('_', ' ')}"
        report.warn("invite", Problem(what, why, "--call with a number that answers"), details)
        return
    why, todo = _why_refused(probe, target, call, refused, outcome.reason, answer)
    report.fail("invite", Problem(what, f"{why}; it says: {warning}" if warning else why, todo), details)


def _why_refused(
    probe: Probe, target: CallTarget, call: _Call, refused: CallRejected, reason: OutcomeReason, answer: Response | None
) -> tuple[str, str]:
    trunk, below = probe.trunk, f"below `[trunks.{probe.name}]`"
    if refused.status in (401, 407):
        return unproven(probe, "INVITE")
    if refused.status in (420, 421):
        named = header(answer, "Unsupported") or header(answer, "Require")
        why = f"an extension of SIP is required, and one side does not have it: {named or 'it does not say which'}"
        return why, f"`reliable_provisionals` and `session_timer` {below}"
    if reason is OutcomeReason.NOT_ACCEPTABLE:
        codecs = ", ".join(call.media.codecs)
        srtp = probe.config.rtp.srtp
        why = f"it takes none of {codecs}, or wants media with other encryption (`rtp.srtp` is {srtp})"
        return why, f'`codecs = ["PCMA", "PCMU"]` {below}, or `srtp` below `[rtp]`, as the trunk says'
    if reason is OutcomeReason.NOT_FOUND:
        number = written(target.name, trunk)
        why = f"it does not know {number}, or wants numbers in another form (`number_format` is {trunk.number_format})"
        return why, f"`number_format` {below}"
    if reason is OutcomeReason.NOT_ALLOWED:
        shows = trunk.caller_id or trunk.user or "none"
        why = f"the number, our address or the caller id ({shows}) is not allowed there"
        return why, f"`caller_id` {below}, and at the trunk: allowed addresses, countries, credit"
    if reason is OutcomeReason.CONGESTED:
        return "the trunk has a fault or is full", "try again; the trunk's operator knows why"
    if reason is OutcomeReason.MOVED:
        return "it redirects the call, and a check follows nobody", f"`host` {below} of the server that takes calls"
    return "see the status", "the trunk's operator knows why"


async def _judge_answer(
    probe: Probe, report: Report, call: _Call, answer: CallAnswered, responses: list[tuple[float, Response]]
) -> None:
    final = next((each for _, each in responses if 200 <= each.status < 300), None)
    if final is not None:
        _judge_route(report, final, probe)
    for problem in call.notes:
        report.warn("sdp", problem)
    # Gateways that gave it with a 183 leave it out.
    sdp = answer.sdp or call.early
    if sdp is None:
        report.fail("sdp", Problem("the answer has no session description", "there is no audio", "ask the trunk"))
        return
    found = Description.of(sdp)
    try:
        call.media.answered(sdp)
    except (RemoteError, MediaError) as error:
        says = f"; it says {found.text()}" if found is not None else ""
        todo = f'`codecs = ["PCMA", "PCMU"]` below `[trunks.{probe.name}]`, or the trunk\'s own'
        report.fail("sdp", Problem("the answer cannot be used", f"{shown(str(error))}{says}", todo))
        return
    if found is not None:
        report.ok("sdp", found.text(), found.to_dict())
        for problem in faults(found, probe.targets[0].address.host, call.media.agreed, probe.config.rtp.srtp):
            report.warn("sdp", problem)
    await _listen(probe, call)
    call.media.judge(report)
    _judge_end(report, call)


async def _listen(probe: Probe, call: _Call) -> None:
    """For the length of a test call, or until the far end hangs up."""

    def hung_up() -> bool | None:
        _settled(probe, call)
        return True if call.over is not None else None

    await probe.until(hung_up, LISTEN_S)


def _judge_end(report: Report, call: _Call) -> None:
    if isinstance(call.over, CallEnded):
        after_s = asyncio.get_running_loop().time() - call.began
        why = f"that was {after_s:.1f} s after the INVITE, before the check was over"
        report.warn("invite", Problem("the far end hung up", why, "nothing, if the one who answered wanted that"))


def _judge_route(report: Report, final: Response, probe: Probe) -> None:
    """Where requests within the call go: Record-Route, else Contact (RFC 3261 §12.1.2)."""
    try:
        routes, contact = typed.record_routes(final), typed.contact(final)
    except ParseError as error:
        report.warn("route", Problem("Contact or Record-Route cannot be read", str(error), "the trunk's operator"))
        return
    strict = [each for each in routes if "lr" not in each.uri.params]
    if strict:
        why = "its Record-Route has no ;lr, which is RFC 2543"
        report.warn("route", Problem("a proxy on the way is a strict router", why, "loose routing, at the trunk"))
    by = " by way of " + ", ".join(shown(each.uri.host) for each in routes[:4]) if routes else ""
    if contact is None:
        return
    at = f"{shown(contact.uri.host)}{f':{contact.uri.port}' if contact.uri.port else ''}"
    report.ok("route", f"requests within the call go to {at}{by}", {"record_routes": len(routes)})
    if not routes and is_out_of_reach(contact.uri.host, probe.targets[0].address.host):
        why = "it is a private address; the bot sends to where the answer came from instead"
        report.warn("route", Problem(f"its Contact is {at}", why, "the far end's setting for its external address"))


async def _hang_up(probe: Probe, report: Report, call: _Call) -> None:
    """End the call, whatever its state, and see whether the far end notices."""
    _settled(probe, call)
    if call.over is not None or not call.placed:
        return
    with suppress(LocalError):  # it has ended just now
        probe.endpoint.do(Bye(call.handle) if call.answer is not None else Cancel(call.handle))
    if call.answer is None:
        await probe.until(lambda: _settled(probe, call), HANG_UP_S)
        return
    await probe.until(lambda: _is_answered(_bye_statuses(probe, call)) or None, HANG_UP_S)
    for problem in _signalling_faults(probe, call):
        report.fail("bye", problem)
    statuses = _bye_statuses(probe, call)
    if statuses and 200 <= statuses[-1] < 300:
        report.ok("bye", f"the far end has confirmed the end of the call: {statuses[-1]}")
        return
    if statuses:
        what, why = f"the far end refuses BYE: {statuses[-1]}", "its calls may stay open, and cost"
    else:
        what = "the far end does not answer BYE"
        why = f"there was no answer within {HANG_UP_S:g} s: its calls stay open"
    report.fail("bye", Problem(what, why, _contact_todo(probe, call)))


def _bye_statuses(probe: Probe, call: _Call) -> list[int]:
    return [each.status for _, each in probe.responses("BYE", call.handle) if each.status >= 200]


def _is_answered(statuses: list[int]) -> bool:
    """A challenge is followed by another answer."""
    return bool(statuses) and statuses[-1] not in (401, 407)


def _signalling_faults(probe: Probe, call: _Call) -> Iterator[Problem]:
    finals = [at for at, each in probe.responses("INVITE", call.handle) if 200 <= each.status < 300]
    if len(finals) > 1 and finals[-1] - finals[0] > REPEATED_S:
        what = "the far end does not get our ACK"
        why = f"it has sent its answer {len(finals)} times"
        yield Problem(what, why, _contact_todo(probe, call))


def _contact_todo(probe: Probe, call: _Call) -> str:
    final = next((each for _, each in probe.responses("INVITE", call.handle) if 200 <= each.status < 300), None)
    contact = (final.headers.get("Contact") or "") if final is not None else ""
    return f"the far end's Contact ({shown(contact)}) and Record-Route: requests within a call go there"
