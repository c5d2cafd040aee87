"""Models whose use costs nothing, as far as their options say, so that no limit on cost is ever reached."""

from collections.abc import Iterator

from offhook.llm.chain import ChainModel
from offhook.llm.model import LanguageModel
from offhook.llm.options import ModelOptions


def unpriced(model: LanguageModel) -> Iterator[str]:
    """The names of the models, the members of a chain each, without a price. Models of the user's own say by themselves
    what they cost."""
    for each in [member.model for member in model.members] if isinstance(model, ChainModel) else [model]:
        # Not by their class, which needs the vendors' packages.
        options = getattr(each, "options", None)
        if isinstance(options, ModelOptions) and not (options.price_input or options.price_output):
            yield each.name
