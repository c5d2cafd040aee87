"""The order of a check's steps."""

from offhook.carriers.call_target import CallTarget, call_target, require_listed
from offhook.cli.checks.trunks import lacks
from offhook.cli.trunk_check import asking, calling, connecting, nat, where
from offhook.cli.trunk_check.probe import opened
from offhook.cli.trunk_check.report import Report
from offhook.settings.config import Config
from offhook.settings.resolve import with_addresses
from offhook.usererror import UserError, did_you_mean


def the_trunk(name: str | None, config: Config) -> str:
    """The trunk that is meant: the only one, if none is named. Raises UserError."""
    known = list(config.trunks)
    if name is None and len(known) == 1:
        return known[0]
    if not known:
        todo = "`[trunks.NAME]` in the settings, as `offhook trunk recipe` prints it, and --config FILE"
        raise UserError("there is no trunk to check", "the settings have none", todo)
    if name is None:
        raise UserError("there are several trunks", ", ".join(known), f"offhook trunk check {known[0]}")
    if name not in known:
        raise UserError(f"there is no trunk {name[:60]!r}", "trunks are `[trunks.NAME]`", did_you_mean(name, known))
    return name


def number_to_call(number: str, name: str, config: Config) -> CallTarget:
    """The target of a test call. Raises UserError for what cannot or may not be called."""
    target = call_target(number, name, config)
    require_listed(target, config, by_others=False)
    return target


async def check_trunk(config: Config, name: str, report: Report, call: CallTarget | None, ring_s: float) -> None:
    """Try each step; what a step needs and an earlier one has not found is left out."""
    for finding in lacks(config, name, config.trunks[name]):
        report.problem("settings", finding.problem, fails=finding.fails)
    try:
        resolved = with_addresses(config)
    except UserError as error:
        for problem in error.problems:
            report.fail("nat", problem)
        resolved = config.model_copy(
            update={"sip": config.sip.model_copy(update={"advertised_host": None, "stun_server": None})}
        )
    async with opened(resolved, name) as probe:
        await where.look_up(probe, report)
        await connecting.connect(probe, report)
        goes_on = call is not None or probe.trunk.registration
        await asking.ask_options(probe, report, goes_on=goes_on)
        await asking.ask_registrar(probe, report)
        nat.look(probe, report)
        if call is not None:
            await calling.place_test_call(probe, report, call, ring_s)
