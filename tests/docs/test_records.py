"""docs/records.md has the tables of the database, and its queries run."""

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from offhook.records.schema import metadata
from tests.docs.pages import ROOT, blocks

PAGE = ROOT / "docs" / "records.md"


@pytest.mark.parametrize("table", ["calls", "transcript", "timelines", "outbox"])
def test_every_column_is_described(table: str) -> None:
    _, found, rest = PAGE.read_text(encoding="utf-8").partition(f"## `{table}`")
    assert found
    rows = re.findall(r"^\| (`.*?`) \|", rest.partition("\n## ")[0], re.MULTILINE)
    described = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(described) == sorted(metadata.tables[table].columns.keys())


def test_the_queries_run(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'calls.db'}")
    metadata.create_all(engine)
    engine.dispose()
    (queries,) = blocks(PAGE, "sql")
    with sqlite3.connect(tmp_path / "calls.db") as connection:
        for query in queries.split(";"):
            assert connection.execute(query).fetchall() == []
    connection.close()
