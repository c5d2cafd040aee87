"""What stands in the boxes and beside the arrows of a flow's pictures. Pure."""

from offhook.flow_function import FlowFunction
from offhook.http_request import HttpRequest
from offhook.pipeline.dialog.steps.branch import If, Switch
from offhook.pipeline.dialog.steps.call import CallStep
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.python import PythonStep
from offhook.pipeline.dialog.steps.queue import QueueStep
from offhook.pipeline.dialog.steps.request import RequestStep
from offhook.pipeline.dialog.steps.set import Set
from offhook.pipeline.dialog.steps.set_language import SetLanguage
from offhook.pipeline.dialog.steps.step import Step
from offhook.pipeline.dialog.steps.take import TakeStep
from offhook.pipeline.dialog.steps.transfer import TransferStep

MOST_CHARS = 36


def label_of(step: Step) -> tuple[str, str]:
    """The step's name, and the beginning of what it does or says; "" if that is clear from its ways."""
    texts = step.texts()
    return step.name, shortened(_done_in(step) or (texts[0][1] if texts else ""))


def _done_in(step: Step) -> str:
    match step:
        case If():
            return f"if {step.condition}"
        case Switch():
            return f"by {step.value}"
        case Set():
            return ", ".join(f"{name} = {value}" for name, value in step.values.items())
        case RequestStep(request=HttpRequest() as request):
            return f"{request.method} /{request.url.partition('://')[2].partition('/')[2]}"
        case CollectSecret():
            return f"keys of a secret ({step.rule.kind})"
        case PythonStep(function=FlowFunction() as function):
            return f"{function.name}({', '.join(step.arguments)})"
        case SetLanguage():
            return f"in {step.spoken}"
    return _called_by(step)


def _called_by(step: Step) -> str:
    match step:
        case TransferStep():
            return f"to {' or '.join(step.targets)}"
        case QueueStep():
            return f"queue {step.queue}"
        case TakeStep():
            return f"takes from {step.queue}"
        case CallStep():
            return f"calls {step.flow}"
    return ""


def way_of(by: str) -> str:
    """An edge's name (`Step.edges`) for people: `choices.hours` is "hours"."""
    return shortened(
        by.removeprefix("choices.").removeprefix("cases.").replace(".then", ", too often").replace("_", " ")
    )


def shortened(text: str) -> str:
    """Its first words."""
    return text if len(text) <= MOST_CHARS else text[: MOST_CHARS - 1].rsplit(" ", 1)[0] + "…"
