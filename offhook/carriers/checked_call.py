"""Checks a call that is wanted against the settings, before anything of it begins. Pure."""

from offhook.carriers.call_out import CallOut, ForbiddenError, UnknownDialogError
from offhook.carriers.call_target import CallTarget, call_target, checked_headers, require_caller, require_listed
from offhook.settings.config import Config
from offhook.settings.routes import RouteConfig
from offhook.usererror import UserError


def checked_call(wanted: CallOut, config: Config) -> tuple[CallTarget, tuple[tuple[str, str], ...], int | None]:
    """Where a wanted call goes, its header fields, and its route. Raises UserError (`ForbiddenError` for what may not
    be called)."""
    target = call_target(wanted.to, wanted.trunk, config)
    headers = checked_headers(wanted.headers)
    if wanted.caller is not None:
        require_caller(wanted.caller)
    try:
        require_listed(target, config, by_others=wanted.by_others)
    except UserError as error:
        raise ForbiddenError.of(error.problems) from error
    return target, headers, _route_of(wanted.dialog, config.routes)


def _route_of(dialog: tuple[str, str] | None, routes: tuple[RouteConfig, ...]) -> int | None:
    if dialog is None:
        return None
    kind, name = dialog
    for index, route in enumerate(routes):
        if route.is_called(kind, name):
            return index
    todo = f'`[[routes]]` with `{kind} = "{name[:60]}"` and `outbound = true`'
    raise UnknownDialogError(f"there is no {kind} {name[:60]!r} for calls out", "only dialogs of such routes are", todo)
