"""Reads the switches of a flow."""

from yaml.nodes import Node

from offhook.pipeline.dialog.switches import OFF, ON, Switch
from offhook.settings.yaml_file import Reader

_SWITCH = ("means", "default", "values")
_EXAMPLE = "type `emergency: {means: We are closed at once.}`"


def read_switches(reader: Reader, node: Node) -> dict[str, Switch]:
    """By name; what is wrong is reported, and left out."""
    found = {}
    for name, _, value in reader.entries(node, "`switches`", _EXAMPLE) or []:
        if (switch := _switch(reader, value, f"the switch `{name}`")) is not None:
            found[name] = switch
    return found


def _switch(reader: Reader, node: Node, what: str) -> Switch | None:
    found = reader.fields(node, what, _SWITCH, ("means",), _EXAMPLE) or {}
    if "means" not in found:
        return None
    means = reader.text(found["means"], f"`means` of {what}") or ""
    if "values" not in found:
        is_on = reader.truth(found["default"], f"`default` of {what}") if "default" in found else False
        return Switch(means, ON if is_on else OFF)
    values = tuple(reader.texts(found["values"], f"`values` of {what}"))
    default = reader.text(found["default"], f"`default` of {what}") if "default" in found else None
    if set(values) == {OFF, ON}:
        return Switch(means, default or OFF)
    return Switch(means, default or (values[0] if values else ""), values)
