"""A directory's file, and the flow that uses it."""

from pathlib import Path

import pytest

from offhook.pipeline.dialog.steps.collect import Collect
from offhook.pipeline.understanding.directory import Listed
from offhook.settings.flow_directory import MAX_PEOPLE, read_directory
from offhook.settings.flow_file import load_flow
from offhook.settings.yaml_file import MAX_PROBLEMS
from offhook.usererror import UserError

FLOW = """
name: reception
start: whom
no_input: {then: bye}
no_match: {then: bye}
steps:
  whom: {collect: Whom., directory: people.csv, into: person, next: connect}
  connect: {transfer: "{person.number}", announce: "To {person}.", otherwise: bye}
  bye: {hang_up: Goodbye.}
"""
PEOPLE = '\ufeffname,spoken,number\r\nJohn Smith,Jack Smith|Johnny,101\r\n\r\n"Jones, Mary",,102\r\n'


def test_the_people_of_a_flow(tmp_path: Path) -> None:
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "people.csv").write_text(PEOPLE)
    step = load_flow(tmp_path / "flow.yaml").steps["whom"]
    assert isinstance(step, Collect) and isinstance(step.value, Listed)
    (john,) = step.value.directory.said("johnny")
    assert john.row == {"name": "John Smith", "spoken": "Jack Smith|Johnny", "number": "101"}
    assert [each.name for each in step.value.directory.said("mary jones")] == ["Jones, Mary"]


@pytest.mark.parametrize(
    ("text", "where", "what", "why"),
    [
        ("", ":1", "no proper columns", "none is `name`"),
        ("nom,number\n", ":1", "no proper columns", "none is `name`"),
        ("name,phone number\nA B,1\n", ":1", "no proper columns", "`phone number` is no name"),
        ("name,name\nA B,1\n", ":1", "no proper columns", "there twice"),
        ("name\n", "", "is empty", "nobody"),
        ("name\n123\n", ":2", "no name in `123`", "one person"),
        ("name,number\nA B,1,2\n", ":2", "3 fields, and 2 columns", "one person"),
        (f"name\n{'a' * 201}\n", ":2", "more than 200 characters", "one person"),
        (f"name,spoken\nA B,{'|'.join(['A'] * 11)}\n", ":2", "11 ways to say", "one person"),
        ('name\n"A\n', ":2", "cannot be read", "unexpected end"),
        ("name\n" + "A B\n" * (MAX_PEOPLE + 1), "", "too many people", "20000"),
    ],
)
def test_a_wrong_file_is_told(text: str, where: str, what: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(text)
    with pytest.raises(UserError) as failed:
        read_directory(path, "en")
    (problem,) = failed.value.problems
    assert problem.where == f"{path}{where}"
    assert what in problem.what
    assert why in problem.why
    assert problem.todo


def test_a_file_is_read_once_until_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE)
    first = read_directory(path, "en")
    assert read_directory(path, "en") is first
    assert read_directory(path, "de") is not first
    path.write_text(PEOPLE + "Ann Lee,,103\r\n")
    assert [each.name for each in read_directory(path, "en").directory.said("ann lee")] == ["Ann Lee"]


def test_not_all_of_many_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("name\n" + "1\n" * 100_000)
    with pytest.raises(UserError) as failed:
        read_directory(tmp_path / "people.csv", "en")
    assert len(failed.value.problems) == MAX_PROBLEMS


def test_a_file_that_is_no_utf8_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("name\nJürgen\n".encode("latin-1"))
    with pytest.raises(UserError, match="not UTF-8"):
        read_directory(tmp_path / "people.csv", None)
    (tmp_path / "flow.yaml").write_text(FLOW.replace("people.csv", "nobody.csv"))
    with pytest.raises(UserError, match=r"nobody\.csv"):
        load_flow(tmp_path / "flow.yaml")
