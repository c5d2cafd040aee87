"""An agent on the page: what its model writes, its tools, what it costs; in a real browser, with a real server."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from selenium.webdriver.common.keys import Keys

from offhook.testing.models import ModelServer, Reply, ScriptedCall
from tests.e2e.browser import Browser, chromium, microphone
from tests.e2e.conftest import BotProcess
from tests.e2e.test_page import barriers, press

PIN = "4711"
AGENT = """
instructions: You answer the phone of a bank.
greeting: Hello. Please key your PIN.
model: scripted
base_url: {url}
price_input: 2.5
price_output: 10
tools:
  - bank:get_balance
"""
TOOLS = '''
import asyncio


async def get_balance(account: str, pin: str) -> str:
    """The balance of an account."""
    await asyncio.sleep(0.5)
    return "ten dollars and forty cents"
'''
LONG = (
    "You have ten dollars and forty cents in your account. Two payments are still on their way, and both of them will "
    "be booked tomorrow morning before the branch opens."
)
REPLIES = (
    Reply("Thank you, I have got 4711.", when="keys:"),
    Reply(
        "Let me look that up for you.",
        (ScriptedCall("get_balance", {"account": "current", "pin": "98-76"}),),
        when="balance",
    ),
    Reply(LONG, after="get_balance"),
    Reply("Goodbye.", (ScriptedCall("hang_up", {"reason": "all done"}),), when="bye"),
)


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A scripted model in a thread of its own: Selenium blocks this one."""
    server = ModelServer(REPLIES, api_key=None, first_token_s=0.15, tokens_per_s=15)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    folder = tmp_path_factory.mktemp("agent-bot")
    (folder / "bank.py").write_text(TOOLS)
    with model_server() as server:
        (folder / "agent.yaml").write_text(AGENT.format(url=server.openai_url))
        one = BotProcess(folder, "--agent", "agent.yaml", OFFHOOK_RECORDS__RECORD_AUDIO="true")
        yield one
        one.close()


@pytest.fixture(scope="module")
def page(bot: BotProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(bot.http, microphone(tmp_path_factory.mktemp("microphone") / "silence.wav")) as browser:
        yield browser


def type_line(page: Browser, text: str) -> None:
    page.by_id("line").send_keys(text, Keys.ENTER)


def transcript(page: Browser, selector: str) -> list[str]:
    """The texts of those lines; they may be made anew meanwhile, so all at once."""
    script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
    found: list[str] = page.driver.execute_script(script, f"#transcript {selector}")
    return found


def test_the_live_page(page: Browser, bot: BotProcess) -> None:
    page.open("/")
    page.by_id("talk").click()
    page.wait(lambda: transcript(page, ".line.bot:not(.open)"))
    press(page, f"{PIN}#")
    page.wait(lambda: any("I have got ****" in text for text in transcript(page, ".line.bot:not(.open)")))
    type_line(page, "tell me my balance")
    page.wait(lambda: transcript(page, ".line.tool p"))
    (tool,) = transcript(page, ".line.tool p")
    assert tool.startswith('get_balance {"account":"current","pin":"***"} → 27 characters in 5')
    # The words are there before they are heard, grey, and come one after the other.
    page.wait(lambda: any(text.startswith("You have ten") for text in transcript(page, ".line.model.open p")))
    first = transcript(page, ".line.model.open p")[-1]
    page.wait(lambda: len(transcript(page, ".line.model.open p")[-1]) > len(first))
    page.wait(lambda: "before the branch" in transcript(page, ".line.model.open p")[-1])
    type_line(page, "goodbye")
    page.wait(lambda: any("tomorrow morning" in text for text in transcript(page, ".line.bot s")))
    page.wait(lambda: page.by_id("talk").text == "Talk")
    assert "openai/scripted: " in page.text("facts")
    assert "tokens in" in page.text("turns")
    assert PIN not in page.text("call-body")
    assert "98-76" not in page.text("call-body")
    assert page.complaints() == []
    assert barriers(page) == []
    bot.wait_for(lambda: bot.records()[-1]["end"] is not None)


def test_the_record(page: Browser, bot: BotProcess) -> None:
    uniqueid = bot.records()[-1]["uniqueid"]
    text = bot.get(f"/api/calls/{uniqueid}")
    record = json.loads(text)
    agent = record["agent"]
    assert [model["model"] for model in agent["models"]] == ["openai/scripted"]
    assert agent["models"][0]["replies"] == 4
    assert agent["input_tokens"] > agent["output_tokens"] > 10
    tools = {each["tool"]: (each["runs"], each["failed"]) for each in agent["tools"]}
    assert tools == {"get_balance": (1, 0), "hang_up": (1, 0)}
    kinds = {event["kind"] for event in record["timeline"]}
    assert {"asked", "replied", "tool"} <= kinds
    assert "writing" not in kinds
    assert PIN not in text.replace(uniqueid, "")
    assert "98-76" not in text


def test_the_call_s_page(page: Browser, bot: BotProcess) -> None:
    page.open(f"/calls/{bot.records()[-1]['uniqueid']}")
    page.wait_for(".line.tool")
    assert transcript(page, ".line.tool p")[0].startswith("get_balance")
    assert any("tomorrow morning" in text for text in transcript(page, ".line.bot s"))
    assert "openai/scripted: " in page.text("facts")
    assert "tokens in" in page.text("turns")
    assert page.complaints() == []
    for dark in (False, True):
        page.show(1280, dark=dark)
        assert barriers(page) == []
    page.show(360)
    width = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.driver.execute_script(width) <= 0
    page.show(1280)
    page.complaints()  # the policy forbids what axe-core tries


SPECULATION = [
    {"kind": "begun", "at": 0.0},
    {"kind": "asked", "at": 1.0, "model": "m", "said": "my", "speculative": True},
    {"kind": "writing", "at": 1.2, "asked": 1.0, "text": "Your"},
    {"kind": "look", "at": 1.2},
    {"kind": "speculated", "at": 1.3, "used": False, "tokens": 2, "saved_ms": 0},
    {"kind": "look", "at": 1.3},
    {"kind": "asked", "at": 2.0, "model": "m", "said": "my balance", "speculative": True},
    {"kind": "writing", "at": 2.2, "asked": 2.0, "text": "You have"},
    {"kind": "answer", "at": 2.4, "answer": "speech", "text": "my balance", "choice": None},
    {"kind": "speculated", "at": 2.4, "used": True, "tokens": 2, "saved_ms": 200},
    {"kind": "bot", "at": 2.5, "text": "You have "},
    {"kind": "look", "at": 2.5},
    {"kind": "turn", "at": 2.6, "response_ms": 100, "stages_ms": {}},
    {
        **{"kind": "replied", "at": 3.0, "asked": 2.0, "model": "m", "text": "You have ten dollars.", "error": ""},
        **{"tokens": {"input": 90, "cached": 60, "output": 5}, "cost": 0.0011},
    },
    {"kind": "look", "at": 3.0},
    {"kind": "asked", "at": 4.0, "model": "m", "said": "", "speculative": False},
    {"kind": "writing", "at": 4.1, "asked": 4.0, "text": "Never"},
    {
        **{"kind": "replied", "at": 4.2, "asked": 4.0, "model": "m", "text": "Never said", "error": "given up"},
        **{"tokens": {"input": 0, "cached": 0, "output": 0}, "cost": 0},
    },
    {"kind": "look", "at": 4.2},
    {"kind": "asked", "at": 5.0, "model": "m", "said": "", "speculative": True},
    {
        **{"kind": "replied", "at": 5.1, "asked": 5.0, "model": "m", "text": "", "error": "m: away", "retried": True},
        **{"tokens": {"input": 0, "cached": 0, "output": 0}, "cost": 0},
    },
    {"kind": "look", "at": 5.1},
]
"""Two replies that are begun early, one in vain; one that is given up, and one that is asked for again. `look`: what
the page shows then."""


def test_replies_that_are_begun_early(page: Browser) -> None:
    script = """
        const { CallModel } = await import("/page/js/model.js");
        const { showTranscript, showTurns } = await import("/page/js/callview.js");
        const call = new CallModel("one");
        const [list, turns] = [document.createElement("ol"), document.createElement("tbody")];
        const looks = [];
        for (const event of args[0]) {
            call.apply(event);
            if (event.kind !== "look") continue;
            showTranscript(list, call);
            looks.push([...list.children].map((line) => line.querySelector("p").textContent));
        }
        showTurns(turns, call);
        return [looks, turns.textContent];
    """
    page.open("/calls")
    looks, turns = page.run(script, SPECULATION)
    assert looks[0] == ["Your begun early"]
    assert looks[1] == []
    assert looks[2] == ["my balance", "You have"]
    assert looks[3] == ["my balance", "You have ten dollars."]
    assert looks[4][2:] == ["(not heard:) Never said not said"]
    assert looks[5][3:] == ["m failed, and is asked again: m: away"]
    assert "90 tokens in (60 cached), 7 out; cost 0.0011" in turns
    assert "begun early, 200 ms saved; begun early in vain, 2 tokens" in turns


def test_metrics(bot: BotProcess) -> None:
    bot.wait_for(
        lambda: 'offhook_model_replies_total{model="openai/scripted",outcome="answered"}' in bot.get("/metrics")
    )
    text = bot.get("/metrics")
    assert 'offhook_model_tokens_total{kind="output",model="openai/scripted"}' in text
    assert 'offhook_tool_seconds_count{outcome="answered",tool="get_balance"} 1.0' in text
