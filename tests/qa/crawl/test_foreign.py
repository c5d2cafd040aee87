"""IVRs that know nothing of offhook are mapped by keys, and the scripts of the map pass against them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from offhook.qa.crawl.crawler import Crawler, CrawlSettings
from offhook.qa.crawl.graph import LISTEN, Action, CrawlLimits, Ending, Reached, Tried
from offhook.qa.crawl.written import write
from offhook.qa.one_call import RunSettings
from offhook.qa.run import Speakers, prepare, run_script
from offhook.qa.script.reading import load_script
from offhook.qa.script.script import CallSettings
from offhook.settings.config import Config
from tests.qa.foreign.calls import HOST
from tests.qa.prompts import copied_to
from tests.qa.test_foreign import port, start

WAIT_S = 3.0
LIMITS = CrawlLimits(depth=1, calls=20, calls_per_minute=600, wait_s=WAIT_S)
CALL = CallSettings(pause_ms=1_000, max_s=60)


@dataclass(frozen=True)
class Case:
    """An IVR: how it is started (with its address as the result), the key that ends the call after a goodbye, and those
    that lead to a prompt each."""

    start: Callable[[Path], AbstractContextManager[str]]
    prompts: str
    ends: str


@contextmanager
def over_sockets(folder: Path) -> Iterator[str]:
    ivr = start(folder, "")
    try:
        yield f"{HOST}:{port(ivr)}"
    finally:
        ivr.kill()
        ivr.communicate()


IVRS = {"sockets": Case(over_sockets, "12", "9")}


async def no_voice(text: str) -> bytes:
    raise AssertionError(f"nothing is to be said, but {text!r}")


@pytest.mark.parametrize("name", IVRS)
async def test_it_is_mapped_and_its_scripts_pass(tmp_path: Path, name: str) -> None:
    case, shown = IVRS[name], list[str]()
    folder = copied_to(tmp_path)
    with case.start(folder) as address:
        actions = [Action("press", key) for key in case.prompts + case.ends]

        async def transcribe(_: bytes) -> str:
            return f"Press {case.ends} to end the call."  # which is tried, too

        settings = CrawlSettings(address, CALL, LIMITS, actions[:-1], transcribe=transcribe)
        crawler = Crawler(settings, no_voice, shown.append)
        await crawler.run()
        found = crawler.map
        first = [found.edges[Tried(0, action)] for action in actions]
        assert len({reached.node for reached in first} - {None, 0}) == len(actions), (first, shown)
        (last,) = (reached.node for reached in first[-1:])
        assert last is not None and found.nodes[last].ending == Reached(None, Ending.HUNG_UP), shown
        assert found.edges[Tried(0, LISTEN)].ending is Ending.SILENT, shown
        (note,) = found.notes
        assert note.startswith("nothing was tried after n1, n2"), found.notes
        assert found.calls == 1 + len(actions) == len(shown), shown
        assert write(tmp_path / "map", found, crawler.sounds, CALL, WAIT_S) == len(actions)
        scripts = [load_script(path) for path in sorted((tmp_path / "map" / "scripts").iterdir())]
        async with AsyncExitStack() as stack:  # of voices: there are none
            speakers = Speakers(Config(), stack)
            calls = [run_script(each, await prepare(each, speakers, None), RunSettings(address)) for each in scripts]
        results = await asyncio.gather(*calls)
    assert all(each.passed for each in results), [each.text() for each in results]
