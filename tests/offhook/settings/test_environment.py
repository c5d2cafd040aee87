"""Lists and tables in variables: each that the settings have is JSON there, and anything else is an error."""

import json
import shlex
from collections.abc import Mapping
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import TypeAdapter, ValidationError

from offhook.settings.config import Config
from offhook.settings.environment import read_environment
from offhook.settings.fields import NAMED, ROUTES, example_of, section_fields, section_model
from offhook.usererror import UserError

SHAPES = {tuple: list, list: list, Mapping: dict, dict: dict}
"""What a field is, and what it is in JSON."""


def shape(section: str, key: str) -> type | None:
    annotation = section_fields(Config, section)[key].annotation
    found = [get_origin(each) for each in (annotation, *get_args(annotation))]
    return next((SHAPES[each] for each in found if each in SHAPES), None)


FOUND = {
    (section, key): kind
    for section in Config.model_fields
    if section != ROUTES  # no variable sets routes
    for key in section_fields(Config, section)
    if key != "options" and (kind := shape(section, key)) is not None
}
CHAINS = {("asr", "engine"), ("tts", "engine"), ("llm", "engine")}
ENGINES = ["one", "two"]


def variable(section: str, key: str) -> str:
    named = "__MINE" if section in NAMED else ""
    return f"OFFHOOK_{section}{named}__{key}".upper()


def example(section: str, key: str) -> Any:
    return ENGINES if (section, key) in CHAINS else example_of(section_fields(Config, section)[key])


def read(section: str, key: str, text: str) -> Any:
    """What the section's key is, as the model reads it from the variable."""
    values, _, problems = read_environment(Config, {variable(section, key): text})
    if problems:
        raise UserError.of(problems)
    below = values[section]["mine"] if section in NAMED else values[section]
    return checked(section, key, below[key])


def checked(section: str, key: str, value: object) -> Any:
    model = section_model(Config, section)
    assert model is not None
    field = model.model_fields[key]
    annotated: Any = Annotated[field.annotation, *field.metadata, None]
    adapter: TypeAdapter[Any] = TypeAdapter(annotated)
    return adapter.validate_python(value)


def test_all_are_found() -> None:
    assert {("dtmf", "receive"), ("turn", "fillers"), ("trunks", "codecs"), ("queues", "comfort")} <= FOUND.keys()
    assert FOUND.keys() >= CHAINS
    assert len(FOUND) >= 21


@pytest.mark.parametrize(("section", "key"), FOUND)
def test_json_is_what_a_file_would_have(section: str, key: str) -> None:
    given = example(section, key)
    assert given, "an error shows it as what to type, so there is an example"
    text = json.dumps(given)
    assert read(section, key, text) == checked(section, key, json.loads(text))


@pytest.mark.parametrize(("section", "key"), [each for each in FOUND if each not in CHAINS])
def test_what_is_no_json_is_an_error_that_says_what_to_type(section: str, key: str) -> None:
    given = example(section, key)
    for text in (",".join(given), "[", "{", "[" * 100_000):
        with pytest.raises(UserError) as error:
            read(section, key, text)
        (problem,) = error.value.problems
        assert problem.where == variable(section, key)
        assert len(problem.render()) < 1_000
        assert problem.why.endswith(" is written as JSON")
        (typed,) = shlex.split(problem.todo.removeprefix("export "))
        name, _, value = typed.partition("=")
        assert name == variable(section, key)
        assert isinstance(json.loads(value), FOUND[section, key])
        if text == ",".join(given) and isinstance(given, tuple):
            assert read(section, key, value) == checked(section, key, list(given))


@pytest.mark.parametrize("section", sorted(section for section, _ in CHAINS))
def test_a_chain_is_a_list_and_one_engine_a_name(section: str) -> None:
    assert read(section, "engine", '["one", "two"]') == ("one", "two")
    assert read(section, "engine", "one") == "one"
    with pytest.raises(ValidationError):
        read(section, "engine", '["one"')


@pytest.mark.parametrize("text", ["200", '"200"', "{}", "true"])
def test_json_that_is_no_list(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("OFFHOOK_TRANSFER__ALLOW", text)
    with pytest.raises(UserError) as error:
        Config.load()
    (problem,) = error.value.problems
    assert problem.where == "OFFHOOK_TRANSFER__ALLOW"
    assert problem.todo == """export OFFHOOK_TRANSFER__ALLOW='["+1555*", "*@pbx.example.com"]'"""


def test_a_table_and_a_key_of_it_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_TURN__FILLERS", '{"en-US": "Hang on.", "de": "Moment."}')
    monkeypatch.setenv("OFFHOOK_TURN__FILLERS__DE", "Einen Moment.")
    assert Config.load().turn.fillers == {"en-US": "Hang on.", "de": "Einen Moment."}


def test_passwords_of_a_table_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_SIP__USERS", "alice:geheim")
    with pytest.raises(UserError) as error:
        Config.load()
    assert "geheim" not in str(error.value)
    assert 'export OFFHOOK_SIP__USERS=\'{"alice": "..."}\'' in str(error.value)


def test_a_variable_for_one_key_of_a_table_says_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_TRANSFER__TARGETS__DESK", "x y")
    with pytest.raises(UserError) as error:
        Config.load()
    (problem,) = error.value.problems
    assert problem.todo == "export OFFHOOK_TRANSFER__TARGETS__DESK=sip:200@192.0.2.7"
