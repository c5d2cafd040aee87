"""How the trunk sees us, against what we say of ourselves: `received` and `rport` (RFC 3581), SDP, and forwarding."""

from dataclasses import dataclass

from offhook.carriers.own_addresses import media_host
from offhook.cli.trunk_check.probe import Probe
from offhook.cli.trunk_check.report import Report, shown
from offhook.cli.trunk_check.scope import is_out_of_reach
from offhook.sip.errors import ParseError
from offhook.sip.message import typed
from offhook.sip.message.message import Response
from offhook.sip.net.address import numeric
from offhook.sip.net.flow import Target
from offhook.usererror import Problem

STEP = "nat"


@dataclass(frozen=True, slots=True)
class Seen:
    """The address from which our request came to the far end; parts that it did not say are empty."""

    host: str = ""
    port: str = ""

    @classmethod
    def by(cls, response: Response) -> "Seen":
        """From the Via of an answer."""
        try:
            via = typed.top_via(response)
        except ParseError:
            return cls()
        number = numeric(via.params.get("received") or "")
        if number is None and via.params.get("rport"):
            number = numeric(via.host)  # RFC 3261 §18.2.1: `received` is needed only where it differs
        return cls("" if number is None else str(number), shown(via.params.get("rport") or ""))


def look(probe: Probe, report: Report) -> None:
    """Compare the two, by the first answer to OPTIONS or REGISTER."""
    for target in probe.targets:
        for method in ("OPTIONS", "REGISTER"):
            if (response := probe.answer_of(target, method)) is not None:
                _judge(probe, report, target, Seen.by(response))
                return


def _judge(probe: Probe, report: Report, target: Target, seen: Seen) -> None:
    in_sdp = media_host(probe.config.sip, probe.endpoint.address, target.address)
    details: dict[str, object] = {"seen_host": seen.host, "seen_port": seen.port, "sdp_host": in_sdp}
    if not seen.host:
        report.ok(STEP, f"the trunk does not say how it sees us; our SDP says {in_sdp}", details)
        return
    if seen.host == in_sdp:
        report.ok(STEP, f"the trunk sees us at {seen.host}, as our SDP says", details)
    else:
        _judge_difference(probe, report, seen, in_sdp, details)
    own = numeric(
        media_host(
            probe.config.sip.model_copy(update={"advertised_host": None}), probe.endpoint.address, target.address
        )
    )
    if str(own) != seen.host and not probe.trunk.registration:
        what = "calls come in only through a forwarded port"
        why = (
            f"this machine is {own} and the trunk sees {seen.host}: a NAT is in between, and the bot does not register"
        )
        todo = "forward the ports of `[sip]` and `[rtp]` to this machine, in the router"
        report.warn(STEP, Problem(what, why, todo))


def _judge_difference(probe: Probe, report: Report, seen: Seen, in_sdp: str, details: dict[str, object]) -> None:
    if probe.config.sip.advertised_host is not None:
        what = f"the trunk sees us at {seen.host}, and `advertised_host` is {in_sdp}"
        why = "media is sent to the latter"
        todo = f'`advertised_host = "{seen.host}"` below `[sip]`, unless both lead here'
    else:
        private = " (a private address)" if is_out_of_reach(in_sdp, seen.host) else ""
        what = f"our SDP says {in_sdp}{private}, and the trunk sees us at {seen.host}"
        why = "a NAT is in between, and only trunks that send media to where ours comes from will be heard"
        todo = f'`advertised_host = "{seen.host}"` below `[sip]`, or `stun_server = …` where that changes'
    report.warn(STEP, Problem(what, why, todo), details)
