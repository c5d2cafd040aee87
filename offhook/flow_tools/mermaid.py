"""A flow as a Mermaid diagram. Pure."""

from collections.abc import Iterator

from offhook.flow_tools.picture import label_of, way_of
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.steps.listening import ListeningStep


def mermaid(flow: Flow) -> str:
    """The text that GitHub, GitLab and most editors draw."""
    return "\n".join(["flowchart TD", *_lines(flow)]) + "\n"


def _lines(flow: Flow) -> Iterator[str]:
    numbers = {name: f"s{number}" for number, name in enumerate(flow.steps)}
    yield f"    begin(( )) --> {numbers[flow.start]}"
    for name, step in flow.steps.items():
        left, right = ("{{", "}}") if isinstance(step, ListeningStep) else ("[", "]")
        name_, text = label_of(step)
        shown = f"<b>{_escaped(name_)}</b>" + (f"<br>{_escaped(text)}" if text else "")
        yield f'    {numbers[name]}{left}"{shown}"{right}'
    for name, step in flow.steps.items():
        for by, to in step.edges().items():
            yield f'    {numbers[name]} -->|"{_escaped(way_of(by))}"| {numbers[to]}'


def _escaped(text: str) -> str:
    """Entities in Mermaid's own form, for what would end the text or be HTML."""
    return "".join(f"#{ord(each)};" if each in '"#<>&|`\\' or not each.isprintable() else each for each in text)
