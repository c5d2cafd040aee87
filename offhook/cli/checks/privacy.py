"""What may leave the bot, or stay in it, that somebody does not want: events that are not signed, sound before callers
have agreed, and secrets, which are not asked for then."""

from collections.abc import Iterator

from offhook.cli.checks.finding import Finding
from offhook.pipeline.dialog.flow import Flow
from offhook.pipeline.dialog.scopes import local
from offhook.pipeline.dialog.steps.collect_secret import CollectSecret
from offhook.pipeline.dialog.steps.record_call import GIVEN, REFUSED, RecordCallStep
from offhook.settings.config import Config


def check(config: Config) -> Iterator[Finding]:
    """Find webhooks whose events anybody may forge or read."""
    for name, hook in config.webhooks.items():
        if hook.secret is None:
            what, why = f"the events for `{name}` are not signed", "its server cannot tell them from forged ones"
            todo = f"`secret = …` below `[webhooks.{name}]`; `offhook outbox secret` makes one"
            yield Finding.warning("webhook", what, why, todo)
        if hook.url.lower().startswith("http://") and not hook.allow_private:
            what, why = f"the events for `{name}` are sent in the clear", "they have numbers, and what callers say"
            yield Finding.warning("webhook", what, why, f"an `https://` address below `[webhooks.{name}]`")


def recorded_early(config: Config, flow: Flow) -> Iterator[Finding]:
    """Find a flow that asks for consent, and is recorded before."""
    records = config.records
    asks = any(isinstance(step, RecordCallStep) and step.consent in (GIVEN, REFUSED) for step in flow.steps.values())
    if asks and not records.record_consent and (records.record_audio or records.capture):
        what = f"the flow `{flow.name}` asks for consent, and its calls are recorded before"
        why = "what is there of a caller who hangs up at the question stays"
        yield Finding.warning("consent", what, why, "`record_consent = true` below `[records]`")


def unshielded(config: Config, flow: Flow) -> Iterator[Finding]:
    """Find steps that ask no caller for their secret, as it could not be kept."""
    if config.sip.backend == "own":
        return
    for step in flow.steps.values():
        if isinstance(step, CollectSecret):
            what = (
                f"step `{local(step.name)}` is refused over PJSIP: `{local(step.refused)}` follows, with nothing asked"
            )
            why = "its library cannot keep a caller's keys from everything else"
            yield Finding.warning("secret", what, why, '`backend = "own"` below `[sip]`')
