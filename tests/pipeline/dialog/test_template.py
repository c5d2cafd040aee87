import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.dialog.template import is_variable_name, names_in, render


def test_variables_are_filled_in() -> None:
    assert render("Hello {name}, {name}!", {"name": "Ann"}) == "Hello Ann, Ann!"


def test_values_are_not_expanded() -> None:
    assert render("{a}", {"a": "{b}", "b": "x"}) == "{b}"


def test_doubled_braces_are_braces() -> None:
    assert names_in("a {{name}} b") == ()
    assert render("a {{name}} b", {}) == "a {name} b"


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("{name}", {})


@pytest.mark.parametrize("text", ["{", "}", "{ name }", "{1}", "a { b", "{a}}", "{{{a}}", "{}"])
def test_an_unmatched_brace_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a single"):
        names_in(text)


@given(st.text(max_size=40))
def test_any_text_can_be_written_as_a_template(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(alphabet="{}ab_1 ", max_size=20))
def test_sound_templates_mean_what_they_mean_to_python(text: str) -> None:
    try:
        names = names_in(text)
    except ValueError:
        return
    assert all(is_variable_name(name) for name in names)
    values = dict.fromkeys(names, "value")
    assert render(text, values) == text.format(**values)
