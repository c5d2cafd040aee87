"""Models that may not be there: their servers list others."""

from collections.abc import Collection, Iterator
from typing import Protocol, runtime_checkable

from offhook.llm.chain import ChainModel
from offhook.llm.model import LanguageModel

MAX_LISTED = 5


@runtime_checkable
class ListsModels(Protocol):
    """A model whose server has said which models there are, if it did: their names, and the one that is wanted."""

    name: str
    wanted: str
    listed: Collection[str]


def doubtful(model: LanguageModel) -> Iterator[tuple[str, str]]:
    """The name of each model that its server does not list, and why it is doubted, after its start. Servers have models
    that they do not list, so that only a request shows it."""
    members = [member.model for member in model.members] if isinstance(model, ChainModel) else [model]
    for each in members:
        if isinstance(each, ListsModels) and not _is_listed(each):
            names = ", ".join(sorted(each.listed)[:MAX_LISTED])
            yield each.name, f"the server lists {names}"


def _is_listed(model: ListsModels) -> bool:
    """Ollama adds a tag to names that have none."""
    return not model.listed or any(
        name.partition(":")[0] == model.wanted or name == model.wanted for name in model.listed
    )
