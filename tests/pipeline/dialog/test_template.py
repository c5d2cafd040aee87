import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.pipeline.dialog.template import expressions_in, is_variable_name, render


def test_variables_are_filled_in() -> None:
    assert render("Hello {name}, {name}!", {"name": "Ann"}) == "Hello Ann, Ann!"


def test_values_are_not_expanded() -> None:
    assert render("{a}", {"a": "{b}", "b": "x"}) == "{b}"


def test_doubled_braces_are_braces() -> None:
    assert expressions_in("a {{name}} b") == ()
    assert render("a {{name}} b", {}) == "a {name} b"


def test_a_missing_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("{name}", {})


@pytest.mark.parametrize("text", ["{", "}", "a { b", "{a}}", "{{{a}}", "{a{b}"])
def test_an_unmatched_brace_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a single"):
        expressions_in(text)


@given(st.text(max_size=40))
def test_any_text_can_be_written_as_a_template(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


@given(st.text(alphabet="{}ab_1 ", max_size=20))
def test_names_mean_what_they_mean_to_python(text: str) -> None:
    try:
        names = expressions_in(text)
    except ValueError:
        return
    values = dict.fromkeys(names, "value")
    filled = render(text, values)
    if all(is_variable_name(name) and f" {name}" not in text and f"{name} " not in text for name in names):
        assert filled == text.format(**values)


def test_blanks_beside_a_name_are_no_part_of_it() -> None:
    assert expressions_in("{ name } {last(pin, 4)}") == ("name", "last(pin, 4)")
    assert render("{ name }", {"name": "Ann"}) == "Ann"
