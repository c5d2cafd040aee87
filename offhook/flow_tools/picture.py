"""What stands in the boxes and beside the arrows of a flow's pictures. Pure."""

from offhook.pipeline.dialog.steps.step import Step

MOST_CHARS = 36


def label_of(step: Step) -> tuple[str, str]:
    """The step's name, and the beginning of what it says, if it says anything."""
    texts = step.texts()
    return step.name, shortened(texts[0][1]) if texts else ""


def way_of(by: str) -> str:
    """An edge's name (`Step.edges`) for people: `choices.hours` is "hours"."""
    return shortened(
        by.removeprefix("choices.").removeprefix("cases.").replace(".then", ", too often").replace("_", " ")
    )


def shortened(text: str) -> str:
    """Its first words."""
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 1].rsplit(" ", 1)[0] + "…"
