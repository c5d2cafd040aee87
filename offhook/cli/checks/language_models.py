"""The language models of `[llm]`, if there are any."""

from offhook.cli.checks.finding import Finding, noting
from offhook.llm.registry import make_chain
from offhook.settings.config import Config

AREA = "llm"


async def check(config: Config) -> list[Finding]:
    """Make the models, reach them, try their keys. A model that is away is a warning: others may stand in for it."""
    found: list[Finding] = []
    if not config.llm.options:
        return found
    unused = [name for name in config.llm.options if name not in config.llm.chain]
    for name in unused:
        what, why = f"`[llm.{name}]` is not used", "`llm.engine` does not name it"
        found.append(Finding.warning(AREA, what, why, f'engine = "{name}" below [llm], or an agent with that model'))
    with noting(found, AREA):
        chain = make_chain(config.llm)
        try:
            await chain.start()
        finally:
            await chain.close()
        for member in chain.members:
            if member.problem is None:
                found.append(Finding.ok(AREA, f"{member.model.name} answers"))
            else:
                hint = "the network and `base_url`, or wait until it is back"
                found.append(Finding.warning(AREA, f"{member.model.name} is away", member.problem.why, hint))
    return found
