"""Flow files that are no flows, too large, too deep, unreadable or noise."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.pipeline.dialog.flow import Flow
from offhook.settings.flow_file import load_flow, parse_flow
from offhook.settings.yaml_file import MAX_FILE_BYTES
from offhook.usererror import UserError
from tests.offhook.settings.flow_yaml import GOOD, changed, only


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file(text: str) -> None:
    assert only(text).what in ("the file is empty", "a flow is not a mapping (`key: value` lines)")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words"])
def test_a_file_that_is_no_mapping(text: str) -> None:
    assert only(text).where == "f.yaml:1:1"


def test_a_file_that_is_no_text() -> None:
    problem = only(b"name: x\nstart: \xff\xfe\n")
    assert (problem.where, problem.what) == ("f.yaml:2", "the flow is not text")
    assert "0xff" in problem.why


def test_a_byte_order_mark_is_borne() -> None:
    assert parse_flow(b"\xef\xbb\xbf" + GOOD.encode(), "f.yaml").name == "test"


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]" for i in range(1, 60)]
    assert "with its aliases" in only("\n".join(lines)).why


def test_an_alias_that_holds_itself_is_refused() -> None:
    problem = only("name: t\nstart: a\nsteps: &s\n  a: *s\n")
    assert problem.what == "an alias contains itself"


def test_an_alias_to_nothing() -> None:
    assert only("name: *t\n").where == "f.yaml:1:7"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(opening: str) -> None:
    assert only("steps: " * (opening in "[{a: ") + opening * 50_000).what in (
        "the file is nested too deeply",
        "this is not YAML",
    )


def test_too_many_steps() -> None:
    lines = "".join(f"  s{i}: {{hang_up: }}\n" for i in range(501))
    assert only(f"name: t\nstart: s0\nsteps:\n{lines}").what == "the flow has 501 steps"


def test_no_steps() -> None:
    assert only("name: t\nstart: a\nsteps: {}\n").what == "the flow has no steps"


def test_control_characters_do_not_reach_the_terminal() -> None:
    with pytest.raises(UserError) as caught:
        parse_flow(changed("next: menu", 'next: "\\e[2J"').encode(), "f.yaml")
    assert "\x1b" not in caught.value.render()
    assert "\\x1b[2J" in caught.value.render()


def test_a_flow_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text(GOOD)
    assert load_flow(path).name == "test"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    found = {}
    for path in (tmp_path / "none.yaml", tmp_path, big, tmp_path / "a\0b"):
        with pytest.raises(UserError) as caught:
            load_flow(path)
        found[path.name] = caught.value.problems[0]
        assert caught.value.problems[0].where == str(path)
    assert found["none.yaml"].why == "there is no file of this name"
    assert found[tmp_path.name].what == "the flow is not a file"
    assert found["big.yaml"].why == "at most 256 KiB are read"


def _loads_or_tells(data: bytes) -> None:
    try:
        assert isinstance(parse_flow(data, "f.yaml"), Flow)
    except UserError as error:
        assert error.problems


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nothing_but_user_errors_leaves_the_loader(data: st.DataObject) -> None:
    lines = GOOD.splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    mutation = data.draw(st.sampled_from(["drop", "repeat", "swap", "insert"]))
    if mutation == "drop":
        del lines[at]
    elif mutation == "repeat":
        lines.insert(at, lines[at])
    elif mutation == "swap":
        other = data.draw(st.integers(0, len(lines) - 1))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        noise = data.draw(st.text(alphabet="{}[]:#&*!|>'\"%@`,?- \t\\xUab1~\n", max_size=12))
        lines[at] = lines[at].rstrip("\n") + noise + "\n"
    _loads_or_tells("".join(lines).encode())


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace"))))
def test_nothing_but_user_errors_for_noise(data: bytes) -> None:
    with pytest.raises(UserError):
        parse_flow(data, "f.yaml")
