"""What of a tool's arguments stays off the record."""

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from offhook.agents.agent import Agent
from offhook.agents.keyed import Keyed
from offhook.agents.secrets import HIDDEN, without_secrets
from offhook.agents.tools import tool
from offhook.pipeline.events import Answer, AnswerKind, Playback
from offhook.pipeline.trace import BargedIn, BotHeard, BotSpoke, ModelWrote, ToolRan
from offhook.testing import SimulatedCall, run
from tests.offhook.agents.models import Says, ScriptedModel, call


class Card(BaseModel):
    number: SecretStr
    holder: str


@tool
async def pay(card: Card, code: SecretStr, amount: Annotated[int, Field(ge=0)], spare: SecretStr | None = None) -> str:
    """Pay."""
    return f"paid with {code.get_secret_value()}"


def test_what_the_schema_calls_secret_is_hidden() -> None:
    given = {"card": {"number": "4111", "holder": "A"}, "code": "9876", "amount": 3, "spare": "1234"}
    shown = json.loads(without_secrets(json.dumps(given), pay.spec.parameters))
    assert shown == {"card": {"number": HIDDEN, "holder": "A"}, "code": HIDDEN, "amount": 3, "spare": HIDDEN}


@pytest.mark.parametrize("name", ["pin", "PIN", "card_cvc", "user_password", "api_key", "access_token", "otp"])
def test_names_that_say_it(name: str) -> None:
    assert without_secrets(json.dumps({"a": [{name: "x"}]}), {}) == '{"a":[{"' + name + '":"***"}]}'


@pytest.mark.parametrize("name", ["pinned", "opinion", "shipping", "tokens_left", "number"])
def test_names_that_do_not(name: str) -> None:
    assert without_secrets(json.dumps({name: "x"}), {}) == json.dumps({name: "x"})


@pytest.mark.parametrize("text", ["", "9876", '{"code": "9876', "[1]"])
def test_what_is_no_object_is_hidden_where_there_are_secrets(text: str) -> None:
    assert without_secrets(text, pay.spec.parameters) == HIDDEN
    assert without_secrets(text, {}) == text


def test_in_a_call() -> None:
    given: dict[str, Any] = {"card": {"number": "4111", "holder": "A"}, "code": "9876", "amount": 3}
    model = ScriptedModel(Says(calls=(call("pay", **given),)), "Done.")

    async def talk() -> list[ToolRan]:
        async with SimulatedCall(Agent("x", model=model, greeting="Hi.", tools=[pay])) as caller:
            await caller.hears("Hi.")
            await caller.says("pay it")
            await caller.hears("Done.")
            return [event for event in caller.events if isinstance(event, ToolRan)]

    (ran,) = run(talk())
    assert "9876" not in ran.arguments
    assert ran.result == "paid with 9876", "the model needs it"
    assert ran.known


def test_keyed_digits_that_the_bot_reads_back() -> None:
    keyed = Keyed()
    keyed.words(Answer(AnswerKind.DTMF, digits="4711"))
    cut = Playback("You keyed 47", "11, thank you.", True)
    heard, barged = BotHeard(cut, 1.0), BargedIn(80.0, cut, 1.0)
    for event in (BotSpoke("You keyed 4711.", 1.0), heard, barged, ModelWrote("You keyed 471", 0.5, 1.0)):
        assert "47" not in repr(keyed.masked_event(event))
    masked = keyed.masked_event(heard)
    assert isinstance(masked, BotHeard)
    assert len(masked.playback.text_played) == len(cut.text_played)
