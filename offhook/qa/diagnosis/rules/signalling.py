"""Late, missing and repeated messages, and refusals."""

from collections.abc import Iterator

from offhook.qa.diagnosis.analysis import Analysis
from offhook.qa.diagnosis.calls import Call
from offhook.qa.diagnosis.rules.words import place
from offhook.qa.findings import Finding, Limits

_USUAL = frozenset({401, 404, 407, 480, 484, 486, 487, 600, 603})
"""What a call may well end with: nothing is wrong with either end."""
_CODEC_STATUSES = frozenset({415, 488, 606})
SETTLE_S = 2.0
"""So long after a message the capture has to go on, if the lack of an answer is to say something."""
MAX_REPEATED_SHOWN = 4


def findings(analysis: Analysis, call: Call, limits: Limits) -> Iterator[Finding]:
    """Of one call."""
    yield from _late(call, limits)
    yield from _not_acknowledged(analysis, call, limits)
    yield from _repeated(call)
    if call.answered_s is None and call.status >= 300 and call.status not in _USUAL and not call.is_cancelled:
        yield _refused(call)
    yield from _ending(analysis, call)


def _late(call: Call, limits: Limits) -> Iterator[Finding]:
    began_s = call.invite_s
    if began_s is None:
        return
    first = _since(began_s, call.first_response_s)
    if first is not None and first > limits.first_response_s:
        yield Finding(
            "late_first_response",
            f"the first answer to the INVITE came after {first:.2f} s",
            f"{place(call.callee)} sent nothing for so long; after 0.5 s the INVITE is sent again (RFC 3261 §17.1.1.2)",
            "look for what keeps it busy, or for a slow look-up of names or in a database; it should send 100 at once",
            call.number,
            at_s=began_s,
        )
    heard_s = min((each for each in (call.ringing_s, call.answered_s) if each is not None), default=None)
    heard = _since(began_s, heard_s)
    if heard is not None and heard > limits.ringing_s:
        yield Finding(
            "late_ringing",
            f"the caller heard nothing for {heard:.1f} s",
            f"neither 180 nor 183 nor 200 came before; {limits.ringing_s:g} s is the limit",
            "answer with 180 at once, or answer the call sooner",
            call.number,
            at_s=began_s,
        )
    answered = _since(began_s, call.answered_s)
    if answered is not None and answered > limits.answer_s:
        yield Finding(
            "late_answer",
            f"the call was answered after {answered:.1f} s",
            f"the 200 came so long after the INVITE; {limits.answer_s:g} s is the limit (--answer-s)",
            "if a program answers: look at what it waits for before it answers; if a person does, allow more",
            call.number,
            at_s=call.answered_s,
        )


def _not_acknowledged(analysis: Analysis, call: Call, limits: Limits) -> Iterator[Finding]:
    if call.answered_s is None:
        return
    acknowledged = _since(call.answered_s, call.acked_s)
    if acknowledged is not None and acknowledged > limits.ack_s:
        yield Finding(
            "late_ack",
            f"the 200 was acknowledged after {acknowledged:.2f} s",
            f"{place(call.caller)} sent its ACK so late; from 0.5 s on the 200 is sent again",
            "look at the caller's side, or at the loss of packets between the two",
            call.number,
            at_s=call.answered_s,
        )
    last_s = max(call.last_s, analysis.ended_s)
    if acknowledged is None and last_s - call.answered_s > SETTLE_S:
        yield Finding(
            "no_ack",
            "the 200 was never acknowledged",
            f"no ACK came from {place(call.caller)}: the callee gives the call up after 32 s (RFC 3261 §13.3.1.4)",
            "compare the Contact of the 200 with the address where the ACK can reach the callee; look for NAT",
            call.number,
            at_s=call.answered_s,
        )


def _repeated(call: Call) -> Iterator[Finding]:
    repeated = sorted(call.repeated.values(), key=lambda each: -each.times)
    if not repeated:
        return
    total = sum(each.times for each in repeated)
    shown = [
        f"{each.label} by {place(each.by)} {each.times + 1} times in {each.last_s - each.first_s:.1f} s"
        for each in repeated[:MAX_REPEATED_SHOWN]
    ]
    once = total == 1
    yield Finding(
        "retransmission" if once else "retransmissions",
        "a message was sent again" if once else f"messages were sent again, {total} times",
        "; ".join(shown) + ": what should have answered was late or lost",
        "look at the end that was to answer; if its answer is in the capture, it is lost between here and the sender",
        call.number,
        at_s=repeated[0].first_s,
    )


def _refused(call: Call) -> Finding:
    todo = "look into the log of the end that refused; a Reason or Warning header field may say more (--messages)"
    why = f"{place(call.callee)} answered the INVITE so"
    offered = sorted({name for each in call.of_side(caller=True) for name in each.names})
    if call.status in _CODEC_STATUSES:
        why += f"; {', '.join(offered) or 'nothing'} was offered"
        todo = "compare the codecs (and SRTP) that both ends are set up for: they need one in common"
    return Finding("refused", f"the call was refused: {call.status} {call.reason}", why, todo, call.number)


def _ending(analysis: Analysis, call: Call) -> Iterator[Finding]:
    if call.ended_s is not None and not call.end_answered and analysis.ended_s - call.ended_s > SETTLE_S:
        yield Finding(
            "bye_not_answered",
            "the BYE was not answered",
            f"{place(call.callee if call.ended_by_caller else call.caller)} sent no response within the capture",
            "look whether the BYE goes where the other end's Contact and Record-Route say",
            call.number,
            at_s=call.ended_s,
        )


def _since(start_s: float, then_s: float | None) -> float | None:
    return None if then_s is None else then_s - start_s
