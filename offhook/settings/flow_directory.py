"""Reads the people of a directory from a file of comma-separated values (RFC 4180)."""

import csv
import io
from functools import lru_cache
from pathlib import Path

from offhook.pipeline.understanding.directory import Directory, Listed, Person, is_name
from offhook.settings.yaml_file import MAX_PROBLEMS, read_limited
from offhook.usererror import Problem, UserError

MAX_BYTES = 8_000_000
MAX_PEOPLE = 20_000
MAX_COLUMNS = 20
MAX_FIELD_CHARS = 200
MAX_SPOKEN = 10
MAX_KEPT = 4
"""Files that a process keeps: 20,000 people take 35 MB."""

_EXAMPLE = "begin with a line such as `name,spoken,department,number`"


def read_directory(path: Path, language: str | None) -> Listed:
    """The people of a file: a line with the names of the columns, `name` among them, and one for each of them.

    `spoken` has other ways to say a name, with bars between them; `department` distinguishes namesakes; all columns are
    kept. The steps that name a file share what was read of it. Raises UserError.
    """
    try:
        found = path.stat()
    except (OSError, ValueError):
        return _read(path, language, None)  # which says why
    return _read(path, language, (found.st_mtime_ns, found.st_size))


@lru_cache(MAX_KEPT)
def _read(path: Path, language: str | None, _version: tuple[int, int] | None) -> Listed:
    """`_version` is that of the file, as far as it is known."""
    try:
        text = read_limited(path, MAX_BYTES, "directory").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = f"byte {error.start + 1} is in no character of it"
        raise UserError("the directory is not UTF-8", why, "save it as UTF-8", str(path)) from None
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    problems: list[Problem] = []
    people: list[Person] = []
    try:
        columns = [each.strip() for each in next(rows, [])]
        if (fault := _columns_fault(columns)) is not None:
            raise UserError("the directory has no proper columns", fault, _EXAMPLE, f"{path}:1")
        for row in (row for row in rows if any(each.strip() for each in row)):
            person, what = _person(columns, row)
            if person is None:
                if len(problems) == MAX_PROBLEMS:
                    break
                problems.append(
                    Problem(what, "each line is one person", "correct or remove it", f"{path}:{rows.line_num}")
                )
            elif len(people) >= MAX_PEOPLE:
                why = f"at most {MAX_PEOPLE} are compared"
                raise UserError("the directory has too many people", why, "divide it", str(path))
            else:
                people.append(person)
    except csv.Error as error:
        raise UserError("the directory cannot be read", str(error), _EXAMPLE, f"{path}:{rows.line_num}") from None
    if problems:
        raise UserError.of(problems)
    if not people:
        raise UserError("the directory is empty", "nobody could be found", "add a line for each person", str(path))
    return Listed(Directory(people, language))


def _columns_fault(columns: list[str]) -> str | None:
    if "name" not in columns:
        return "the first line names the columns, and none is `name`"
    if len(columns) > MAX_COLUMNS:
        return f"there are {len(columns)}, at most {MAX_COLUMNS} are kept"
    odd = next((each for each in columns if not each.isidentifier() or columns.count(each) > 1), None)
    return None if odd is None else f"`{odd[:40]}` is no name for a variable's part, or is there twice"


def _person(columns: list[str], row: list[str]) -> tuple[Person | None, str]:
    """The person of a line, or what is wrong with it."""
    if len(row) > len(columns):
        return None, f"there are {len(row)} fields, and {len(columns)} columns"
    if any(len(each) > MAX_FIELD_CHARS for each in row):
        return None, f"a field has more than {MAX_FIELD_CHARS} characters"
    found = dict.fromkeys(columns, "") | {key: " ".join(each.split()) for key, each in zip(columns, row, strict=False)}
    spoken = tuple(each.strip() for each in found.get("spoken", "").split("|") if each.strip())
    if len(spoken) > MAX_SPOKEN:
        return None, f"there are {len(spoken)} ways to say the name, at most {MAX_SPOKEN} are compared"
    if not all(is_name(each) for each in (found["name"], *spoken)):
        return None, f"there is no name in `{found['name'][:40]}`"
    return Person(found["name"], spoken, found.get("department", ""), tuple(found.items())), ""
