"""Calls by a script to several IVRs at once, each of them another program."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

from offhook.qa.one_call import RunSettings
from offhook.qa.result import Result
from offhook.qa.run import Speakers, prepare, run_script
from offhook.qa.script.reading import parse_script
from offhook.settings.config import Config

HOST = "127.0.0.1"


def call_each(script: str, prompts: Path, ports: Mapping[str, int], at_once: int = 20) -> dict[str, Result]:
    """The result for each IVR, by its name; the script's recordings are in `prompts`."""
    read = parse_script(script.encode(), str(prompts / "call.yaml"))

    async def call_all() -> dict[str, Result]:
        async with AsyncExitStack() as stack:  # of voices: there are none
            prepared = await prepare(read, Speakers(Config(), stack), None)
        free = asyncio.Semaphore(at_once)

        async def call(port: int) -> Result:
            async with free:
                return await run_script(read, prepared, RunSettings(f"{HOST}:{port}"))

        return dict(zip(ports, await asyncio.gather(*map(call, ports.values())), strict=True))

    return asyncio.run(call_all())


def kinds(result: Result) -> list[str]:
    return [each.kind for each in result.findings]
