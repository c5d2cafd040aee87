"""Agents from YAML, and what is said about wrong ones."""

from pathlib import Path

import pytest

from offhook.agents.agent_file import AgentFile, SpeechFile, load_agent, parse_agent
from offhook.llm.model import ToolCall
from offhook.realtime.agent import SpeechAgent
from offhook.testing import SimulatedCall, run
from offhook.testing.vendors.openai_realtime import OpenAiRealtimeServer
from offhook.usererror import UserError
from tests.offhook.agents.models import Says, ScriptedModel, call

FULL = b"""
instructions: |
  You answer the phone of a shop.

  Be brief.
greeting: Hello, this is the shop.
provider: openai
model: gpt-5-mini
base_url: http://127.0.0.1:9/v1
api_key: ${SHOP_KEY}
temperature: 0.2
price_output: 2.5
extra: {reasoning_effort: none, seed: 7}
language: en-GB
transfer_to:
  sales: "+15551234567"
outcomes:
  booked:
    day: {type: string, format: date, description: the day of the visit}
    people: {type: integer, min: 1, max: 12}
  none:
dtmf: yes
unheard: offer_to_resume
on_failure: transfer sales
limits: {late_s: 3, turns: 20}
tools:
  - json:dumps_typed
  - name: order_status
    description: The state of an order.
    url: https://api.example.com/orders/{number}
    headers: {Authorization: "Bearer ${SHOP_KEY}"}
    parameters:
      number: {type: string, pattern: "^[0-9]{4}$", description: the order's number}
      kind: {enum: [parcel, letter], optional: true}
    result: state
    timeout_s: 5
    on_interrupt: cancel
"""


def without_python(data: bytes) -> bytes:
    return data.replace(b"  - json:dumps_typed\n", b"")


def test_all_of_it() -> None:
    made = parse_agent(without_python(FULL), "agent.yaml", {"SHOP_KEY": "k"})
    assert isinstance(made, AgentFile)
    assert made.instructions == "You answer the phone of a shop.\n\nBe brief."
    assert made.provider == "openai"
    assert made.model == {
        "model": "gpt-5-mini",
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "k",
        "temperature": 0.2,
        "price_output": 2.5,
        "extra": {"reasoning_effort": "none", "seed": 7},
    }
    (tool,) = made.options["tools"]
    assert tool.spec.parameters["required"] == ["number"]
    assert (tool.timeout_s, tool.on_interrupt) == (5, "cancel")
    assert made.options["limits"].late_s == 3
    made.make()
    agent = made.make(ScriptedModel("x"))
    handed = call("hand_back", outcome="booked", values={"day": "2026-12-01", "people": 13})
    assert agent.model is not None
    assert agent.model.name == "scripted"
    assert isinstance(handed, ToolCall)


def test_it_talks() -> None:
    made = parse_agent(without_python(FULL), "agent.yaml", {"SHOP_KEY": "k"})
    model = ScriptedModel(Says("Of course.", calls=(call("transfer", to="sales"),)))

    async def talk() -> None:
        async with SimulatedCall(made.make(model), transfers=True) as caller:
            await caller.hears("Hello, this is the shop.")
            await caller.says("sales please")
            await caller.over.wait()
            assert caller.transferred_to == "+15551234567"
            assert caller.call.language == "en-GB"

    run(talk())


def problems(data: bytes) -> list[tuple[str, str]]:
    with pytest.raises(UserError) as error:
        parse_agent(data, "agent.yaml", {})
    return [(each.where, each.what) for each in error.value.problems]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("greting: Hi.", "unknown key `greting`"),
        ("unheard: forget", "`unheard` is `forget`"),
        ("on_failure: transfer desk", "`on_failure` is `transfer desk`"),
        ("transfer_to: {sales: 555}", "`555` cannot be called"),
        ("api_key: sk-123", "`api_key` is written out"),
        ("api_key: ${NO_SUCH_KEY}", "`${NO_SUCH_KEY}` has no value"),
        ("language: german", "`german` is not a language"),
        ("limits: {late_s: 0}", "`late_s` is 0"),
        ("limits: {late: 1}", "unknown key `late`"),
        ("tools: shop", "`tools` is not a list"),
        ("tools: [shop]", "the tool `shop` cannot be used"),
        ("tools: ['no_such_module:f']", "the tool `no_such_module:f` cannot be used"),
        ("tools: ['math:no_such_name']", "the tool `math:no_such_name` cannot be used"),
        ("tools: [{name: a, url: 'https://x.example'}]", "a tool has no `description`"),
        ("tools: [{name: a, description: b, url: 'file:///etc/passwd'}]", "`url` of tool `a`"),
        ("tools: [{name: a, description: b, url: 'https://{host}/x'}]", "`url` of tool `a`"),
        ("tools: [{name: a, description: b, url: 'https://x.example/{n}'}]", "`url` of tool `a` has `{n}`"),
        ("tools: [{name: hang_up, description: b, url: 'https://x.example'}]", "two tools are called `hang_up`"),
        ("tools: [{name: a, description: b, url: 'https://x.example:99999/'}]", "`url` of tool `a`"),
        ("tools: [{name: a, description: b, url: 'https://[::1/'}]", "`url` of tool `a`"),
        ("tools: [{name: a, description: b, url: 'https://x.example/a b'}]", "`url` of tool `a`"),
        ("tools: [{name: a, description: b, url: 'https://x.example', headers: {a b: c}}]", "header `a b` of tool `a`"),
        (
            "tools: [{name: a, description: b, url: 'https://x.example', headers: {a: 'b {token}'}}]",
            "header `a` of tool `a` has `{token}`",
        ),
        ("tools: [{name: a, description: b, url: 'https://x.example', timeout_s: 0}]", "`timeout_s` of tool `a` is 0"),
        ("tools: [{name: a, description: b, url: 'http://127.0.0.1/x'}]", "`url` of tool `a` is `http://127.0.0.1/x`"),
        ("tools: [{name: a, description: b, url: 'http://localhost:8000/x'}]", "`url` of tool `a` is `http://local"),
        ("tools: [{name: a, description: b, url: 'https://[fd00::1]/x'}]", "`url` of tool `a` is `https://[fd00"),
        ("limits: {max_cost: 0.5}", "`max_cost` of `limits` is never reached"),
        ("provider: opnai", "there is no provider `opnai`"),
        ("greeting: ''", "`greeting` is empty"),
        ("outcomes: {done: {n: {type: integer, min: 3, max: 2}}}", "`max` of `n`"),
        ("outcomes: {done: {day: {type: day}}}", "`day` is not a type"),
        ("outcomes: {done: {day: {format: year}}}", "`year` is not a format"),
        ("outcomes: {done: {day: {pattern: '('}}}", "`pattern` of `day`"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(line: str, what: str) -> None:
    found = problems(f"instructions: Be brief.\nmodel: x\n{line}\n".encode())
    assert [where.split(":")[1] for where, _ in found] == ["3"] * len(found)
    assert what in found[0][1]


@pytest.mark.parametrize(
    "lines",
    [
        "tools: [{name: a, description: b, url: 'http://127.0.0.1/x', allow_private: true}]",
        "tools: [{name: a, description: b, url: 'https://10.example.com/x'}]",
        "tools: [{name: a, description: b, url: 'https://192.88.99.1.example/x'}]",
        "tools: [{name: a, description: b, url: 'https://93.184.216.34/x'}]",
        "limits: {max_cost: 0.5}\nprice_output: 2",
        "limits: {max_cost: 0.5}\nprovider: shop:model",
    ],
)
def test_what_is_right(lines: str) -> None:
    parse_agent(f"instructions: Be brief.\nmodel: x\n{lines}\n".encode(), "agent.yaml", {})


def test_what_is_missing() -> None:
    assert [what for _, what in problems(b"greeting: Hi.\n")] == ["an agent has no `instructions`"]
    with pytest.raises(UserError, match="no language model"):
        parse_agent(b"instructions: x\n", "agent.yaml", {}).make()


def test_what_is_wrong_with_a_model_of_the_files_own_is_said_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(UserError) as no_key:
        parse_agent(b"instructions: x\nmodel: gpt-5-mini\n", "agent.yaml", {}).make()
    assert [each.where for each in no_key.value.problems] == ["agent.yaml"]
    with pytest.raises(UserError) as hot:
        parse_agent(b"instructions: x\nmodel: gpt-5-mini\ntemperature: 99\n", "agent.yaml", {}).make()
    assert "agent.yaml" in hot.value.render() and "[llm" not in hot.value.render()


@pytest.mark.parametrize("line", ["base_url: http://127.0.0.1:9/v1", "provider: anthropic", "temperature: 0.2"])
def test_settings_of_a_model_that_is_not_named_are_not_lost(line: str) -> None:
    (found,) = problems(f"instructions: x\n{line}\n".encode())
    assert found == ("agent.yaml:2:" + found[0].rpartition(":")[2], f"`{line.partition(':')[0]}` has no `model`")


def test_an_empty_file_is_told_where_agents_are_described() -> None:
    with pytest.raises(UserError, match=r"docs/agents\.md"):
        parse_agent(b"", "agent.yaml", {})


def test_a_function_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop_of_test.py").write_text(
        "def hours(day: str) -> str:\n    '''When we are open.'''\n    return day\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "agent.yaml"
    file.write_text("instructions: x\nmodel: y\ntools:\n  - shop_of_test:hours\n")
    (tool,) = load_agent(file).options["tools"]
    assert tool.spec.description == "When we are open."


SPEECH = b"""
kind: speech
instructions: Be brief.
model: gpt-realtime-2.1
base_url: http://127.0.0.1:9/v1
api_key: ${SPEECH_KEY}
voice: marin
language: en-GB
greet: Say hello.
transfer_to: {sales: "+15551234567"}
turn_detection: advise
limits: {tool_timeout_s: 3}
options: {audio: {output: {speed: 1.1}}}
"""


def test_a_speech_to_speech_model() -> None:
    made = parse_agent(SPEECH, "agent.yaml", {"SPEECH_KEY": "k"})
    assert isinstance(made, SpeechFile) and made.names_model
    assert made.options["provider"] == "openai-realtime" and made.options["api_key"] == "k"
    assert made.options["options"] == {"audio": {"output": {"speed": 1.1}}}
    assert isinstance(made.make(), SpeechAgent)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"kind: speech", b"kind: speach"), "`kind` is `speach`"),
        ((b"voice: marin", b"greeting: Hello"), "greeting"),
        ((b"turn_detection: advise", b"provider: gemini-live\nturn_detection: advise"), "`turn_detection` is `advise`"),
        ((b"voice: marin", b"provider: openia"), "`provider` is `openia`"),
        ((b"${SPEECH_KEY}", b"sk-1"), "`api_key` is written out"),
    ],
)
def test_a_wrong_one(change: tuple[bytes, bytes], problem: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_agent(SPEECH.replace(*change), "agent.yaml", {"SPEECH_KEY": "k"})
    assert problem in refused.value.render() and refused.value.render().startswith("agent.yaml:")


async def test_it_answers_the_phone(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    async with OpenAiRealtimeServer(["hours"], replies=["Hello there.", "Nine to five."]) as server:
        file.write_text(f"kind: speech\ninstructions: x\nbase_url: {server.url}/v1\napi_key: ${{SPEECH_KEY}}\n")
        talks = load_agent(file, {"SPEECH_KEY": server.api_key}).make()
        async with SimulatedCall(talks) as caller:
            await caller.hears("Hello there.")
            await caller.says("hours")
            await caller.hears("Nine to five.")
