import os

import pytest


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in os.environ:
        if variable.upper().startswith("OFFHOOK_"):
            monkeypatch.delenv(variable)
