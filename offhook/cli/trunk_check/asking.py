"""OPTIONS to each of a trunk's servers, and a REGISTER that changes nothing: who is there, and takes our password."""

import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

from offhook.cli.trunk_check.probe import Probe
from offhook.cli.trunk_check.report import Report, shown
from offhook.cli.trunk_check.scope import is_out_of_reach
from offhook.process.trunk_advice import what_to_do
from offhook.sip.auth.client import CHALLENGES
from offhook.sip.auth.digest import known
from offhook.sip.auth.fields import Challenge
from offhook.sip.commands import Ping, QueryRegistration
from offhook.sip.errors import ParseError
from offhook.sip.events import Pinged, RegistrationQueried
from offhook.sip.message.message import Response
from offhook.sip.message.uri import Uri
from offhook.sip.net.flow import Target
from offhook.usererror import Problem

ANSWER_S = 4.0
"""As the bot waits before it goes on to the next server; four transmissions over UDP."""

REGISTER_S = 8.0
"""With a challenge and its answer."""

SKEW_S = 60.0

UNAVAILABLE = (408, 503)


async def ask_options(probe: Probe, report: Report, *, goes_on: bool) -> None:
    """Ask every target whether it is there. Those that answer come first from then on. `goes_on`: something else is
    asked later, which may be answered all the same."""
    for number, target in enumerate(probe.targets):
        probe.endpoint.do(Ping(str(number), probe.trunk.uri, target))

    def all_answered() -> dict[str, Pinged] | None:
        found = {each.account: each for each in probe.events if isinstance(each, Pinged)}
        return found if len(found) == len(probe.targets) else None

    await probe.until(all_answered, ANSWER_S)
    found = {each.account: each for each in probe.events if isinstance(each, Pinged)}
    there = [
        t for n, t in enumerate(probe.targets) if str(n) in found and found[str(n)].status not in (0, *UNAVAILABLE)
    ]
    for number, target in enumerate(probe.targets):
        _judge_options(probe, report, target, found.get(str(number)), fails=not there and not goes_on)
    probe.targets = (*there, *(each for each in probe.targets if each not in there))
    if there:
        _judge_clock(probe, report, there[0])


def _judge_options(probe: Probe, report: Report, target: Target, answer: Pinged | None, *, fails: bool) -> None:
    step = "options"
    if answer is None or answer.status == 0:
        why = f"there was no answer within {ANSWER_S:g} s"
        if answer is not None:
            why = f"{why}: {answer.reason}" if answer.reason != "timeout" else why
        todo = what_to_do(probe.name, probe.trunk, 0)
        todo += "; some trunks answer OPTIONS only to addresses that they know"
        report.problem(step, Problem(f"{target} does not answer OPTIONS", why, todo), fails=fails)
        return
    response = probe.answer_of(target, "OPTIONS")
    text = f"{answer.status} {shown(answer.reason)}"
    details: dict[str, object] = {"status": answer.status, "after_ms": round(answer.after_s * 1_000)}
    if answer.status in UNAVAILABLE:
        why = f"it answers OPTIONS with {text}"
        problem = Problem(f"{target} takes no calls now", why, "nothing: the trunk has a fault, or is full")
        report.problem(step, problem, fails=fails, details=details)
        return
    maker = header(response, "Server") or header(response, "User-Agent")
    by = f"; {maker}" if maker else ""
    report.ok(step, f"{target} is there: {text} after {answer.after_s * 1_000:.0f} ms{by}", details)
    if answer.status == 403:
        why = "it answers OPTIONS with 403, as those do that do not know this address"
        todo = "the trunk's list of allowed addresses, if calls are refused too"
        report.warn(step, Problem(f"{target} may not know us", why, todo))


def _judge_clock(probe: Probe, report: Report, target: Target) -> None:
    date = header(probe.answer_of(target, "OPTIONS"), "Date")
    try:
        skew_s = parsedate_to_datetime(date).timestamp() - time.time()
    except (TypeError, ValueError, OverflowError):
        return
    if abs(skew_s) > SKEW_S:
        way = "behind" if skew_s > 0 else "ahead of"
        what = f"this machine's clock is {abs(skew_s):.0f} s {way} the trunk's"
        why = "certificates and signed caller ids depend on it"
        report.warn("clock", Problem(what, why, "timedatectl, to see whether it is synchronised"))


async def ask_registrar(probe: Probe, report: Report) -> None:
    """Ask which contacts the account has: its password is proven, and no binding changes."""
    trunk, name = probe.trunk, probe.name
    if not trunk.registration or not probe.targets:
        return
    target = probe.targets[0]
    user = trunk.auth_user or trunk.user
    probe.endpoint.do(QueryRegistration(name, trunk.uri, trunk.aor, target, user))
    answer = await probe.until(
        lambda: next((each for each in probe.events if isinstance(each, RegistrationQueried)), None), REGISTER_S
    )
    step = "register"
    if answer is None or answer.status == 0:
        what, why = f"{target} does not answer REGISTER", f"there was no answer within {REGISTER_S:g} s"
        report.fail(step, Problem(what, why, what_to_do(name, trunk, 0)))
    elif answer.status >= 300:
        details: dict[str, object] = {"status": answer.status}
        problem = _refused(probe, target, answer)
        report.problem(step, problem, fails=answer.status not in (400, 405, 501), details=details)
    else:
        asked = _challenge(probe, "REGISTER")
        proof = (
            f"the password is right ({asked.algorithm}, realm {shown(asked.realm)})" if asked else "no password asked"
        )
        report.ok(step, f"{trunk.aor} may register: {proof}", {"contacts": list(answer.contacts)})
        _judge_contacts(probe, report, target, answer.contacts)


def _judge_contacts(probe: Probe, report: Report, target: Target, contacts: tuple[str, ...]) -> None:
    trunk, step = probe.trunk, "register"
    if not contacts:
        why = "calls come to who is registered, and the bot does that when it runs"
        report.warn(step, Problem(f"nobody is registered as {trunk.aor} now", why, "offhook serve --config FILE"))
        return
    ours = [each for each in contacts if _user(each) == trunk.our_user]
    report.ok(step, f"registered now: {shown(', '.join(contacts))}")
    for each in ours:
        if is_out_of_reach(_host(each), target.address.host):
            why = "it is a private address, and the trunk is outside: its calls come by a NAT that may forget them"
            todo = "`keepalive_s` below 30, or `advertised_host = …` below `[sip]`"
            report.warn(step, Problem(f"the trunk calls the bot at {shown(_host(each))}", why, todo))
    if not ours:
        why = f"none of them is for {trunk.our_user}, the user in the bot's Contact"
        report.warn(
            step, Problem("other phones are registered, and the bot is not", why, "offhook serve --config FILE")
        )


def _refused(probe: Probe, target: Target, answer: RegistrationQueried) -> Problem:
    trunk, name, status = probe.trunk, probe.name, answer.status
    what = f"{target} refuses REGISTER for {trunk.aor}: {status} {shown(answer.reason)}"
    if status in CHALLENGES:
        return Problem(what, *unproven(probe, "REGISTER"))
    if status in (405, 501):
        why = "it is no registrar, or not for this domain"
        return Problem(what, why, f"`registration = false` below `[trunks.{name}]`, or `host` of the registrar")
    if status == 403:
        why = "the account, its password or this machine's address is not allowed"
        return Problem(what, why, what_to_do(name, trunk, 403))
    if status == 404:
        return Problem(what, "there is no such account", f"`user` below `[trunks.{name}]`")
    if status == 423:
        responses = probe.responses("REGISTER")
        least = header(responses[-1][1], "Min-Expires") if responses else ""
        why = f"it wants registrations of at least {shown(least)} s, and `expires_s` is {trunk.expires_s}"
        return Problem(what, why, f"`expires_s = {shown(least)}` below `[trunks.{name}]`; the bot follows by itself")
    if status == 400:
        why = "some registrars do not answer a REGISTER that only asks"
        return Problem(what, why, "offhook status, while the bot runs, shows whether it is registered")
    return Problem(what, "see the status", what_to_do(name, trunk, status))


def unproven(probe: Probe, method: str) -> tuple[str, str]:
    """Why a challenge stood at the end, and what to type: no password, another realm, or a wrong one."""
    trunk, name = probe.trunk, probe.name
    below = f"below `[trunks.{name}]`"
    if trunk.password is None:
        return "it asks for a password, and there is none", f"export OFFHOOK_TRUNKS__{name.upper()}__PASSWORD=…"
    asked = _challenge(probe, method)
    headers = (header for _, header in CHALLENGES.values())
    if any(request.headers.get(header) for header in headers for request in probe.requests(method)):
        user = trunk.auth_user or trunk.user
        realm = f" (realm {shown(asked.realm)})" if asked is not None else ""
        return f"the password for {user} is wrong{realm}", f"the password, `user` and `auth_user` {below}"
    if asked is None:
        return "its challenge cannot be read", "the trunk's operator knows which digest it asks for"
    if trunk.realm is not None and asked.realm != trunk.realm:
        return f"it asks for the realm {shown(asked.realm)!r}, and `realm` is {trunk.realm!r}", f"`realm` {below}"
    if not known(asked.algorithm):
        return f"it asks for the algorithm {shown(asked.algorithm)}", "MD5, SHA-256 or SHA-512-256, set at the trunk"
    return "it asks for a password in a way that is not known", "the trunk's operator knows which digest it asks for"


def _challenge(probe: Probe, method: str) -> Challenge | None:
    """The challenge to that method; else the one to another, which was then answered without being asked again."""
    responses = [each for _, each in (*probe.responses(method), *probe.responses())]
    for response in responses:
        asks, _ = CHALLENGES.get(response.status, ("", ""))
        for value in response.headers.get_all(asks) if asks else ():
            with suppress(ParseError):
                return Challenge.parse(value)
    return None


def header(response: Response | None, name: str) -> str:
    """A header field for people; empty if there is none."""
    return shown((response.headers.get(name) if response is not None else None) or "")


def _user(uri: str) -> str:
    try:
        return Uri.parse(uri).user or ""
    except ParseError:
        return ""


def _host(uri: str) -> str:
    try:
        return Uri.parse(uri).host
    except ParseError:
        return ""
