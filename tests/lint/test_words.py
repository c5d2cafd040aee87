from pathlib import Path

import pytest

from tests.lint.words import LIST, ROOT, Rule, files, found, left_out, rules


def test_the_list_is_kept() -> None:
    text = LIST.read_text(encoding="utf-8")
    assert list(found(ROOT, rules(text), left_out(text))) == []


def test_every_place_of_the_list_is_there() -> None:
    text = LIST.read_text(encoding="utf-8")
    for place in {each for rule in rules(text) for each in rule.places} | left_out(text):
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize(
    ("line", "finds"),
    [
        ("the nursery starts", True),
        ("Nurserys of all kinds", True),
        ("fork_nursery(specs)", True),
        ("class ForkNursery:", True),
        ("NURSERY_S = 1", True),
        ("nurseryman", False),
        ("a fork server", False),
    ],
)
def test_what_is_found(line: str, finds: bool) -> None:
    assert bool(Rule("nursery", "fork server", (".",)).pattern.search(line)) is finds


def test_where_it_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a" / "vendor").mkdir(parents=True)
    for name in ("a/x.py", "a/vendor/y.py", "a/z.png", "b.md", "c.md"):
        (tmp_path / name).write_text("one\nears\n")
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a" / "vendor")
    listed = rules("# no\n! c.md\n@ a b.md c.md\nears: front end\n")
    assert list(found(tmp_path, listed, {"c.md"})) == ["a/x.py:2: `ears`: front end", "b.md:2: `ears`: front end"]
    assert list(files(tmp_path, "a")) == [tmp_path / "a" / "x.py"]


@pytest.mark.parametrize("text", ["ears: front end", "@ a\nears", "@ a\n: x"])
def test_a_line_that_says_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is not `word"):
        rules(text)
