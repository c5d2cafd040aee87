"""What a user agent has alive, a page at a time: thousands of transactions are not described at once. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from offhook.sip.dialog.core import UserAgentCore
from offhook.sip.invite_guard import InviteGuard
from offhook.sip.registrar.registrar import Registrar
from offhook.sip.transaction.layer import Transaction, dump_transaction

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Page:
    """`rows` of a part, from `offset` on, and how many there are in all."""

    total: int
    offset: int
    rows: list[Row]


class LiveState:
    """Reads the parts of one user agent: `dialogs`, `transactions`, `registrations` (ours), `users` (who registered
    with us), `banned` (hosts that guessed passwords)."""

    def __init__(self, core: UserAgentCore[Any], guard: InviteGuard | None, registrar: Registrar | None) -> None:
        self._core = core
        self._guard = guard
        self._registrar = registrar
        self._parts: dict[str, tuple[Callable[[float], Sequence[Any]], Callable[[Any, float], Row]]] = {
            "dialogs": (self._dialogs, lambda call, now: call.dump(now)),
            "transactions": (self._transactions, dump_transaction),
            "registrations": (lambda now: list(core.registrations.values()), lambda each, now: each.dump(now)),
            "users": (self._users, lambda row, now: row),
            "banned": (self._banned, lambda ban, now: {"host": ban[0], "left_s": round(ban[1])}),
        }

    @property
    def parts(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._parts)

    def page(self, part: str, offset: int, limit: int, now: float) -> Page:
        """A page of a part. KeyError for one that does not exist."""
        find, describe = self._parts[part]
        found = find(now)
        return Page(len(found), offset, [describe(each, now) for each in found[offset : offset + limit]])

    def summary(self, now: float) -> Row:
        """How many there are of each, in which states, and how old the oldest is."""
        calls, transactions = self._dialogs(now), self._transactions(now)
        return {
            "dialogs": len(calls),
            "dialogs_by_state": _counted(call.machine.state.value for call in calls),
            "oldest_dialog_s": _oldest((call.created for call in calls), now),
            "transactions": len(transactions),
            "transactions_by_state": _counted(
                f"{each.request.method} {each.machine.state.value}" for each in transactions
            ),
            "oldest_transaction_s": _oldest((each.created for each in transactions), now),
            "registrations": len(self._core.registrations),
            "users": len(self._users(now)),
            "banned": len(self._banned(now)),
        }

    def call_id_of(self, handle: str) -> str | None:
        """The Call-ID of a call in progress, or of an account's registration; None without one."""
        if (registration := self._core.registrations.get(handle)) is not None:
            return registration.call_id
        usage = self._core.calls.get(handle)
        return None if usage is None or usage.dialog is None else str(usage.dialog.call_id)

    def _dialogs(self, now: float) -> list[Any]:
        everything = (*self._core.calls.values(), *self._core.dialogs.values())
        return list({id(each): each for each in everything}.values())

    def _transactions(self, now: float) -> list[Transaction]:
        layer = self._core.layer
        return [*layer.clients.values(), *layer.servers.values()]

    def _users(self, now: float) -> list[Row]:
        return [] if self._registrar is None else self._registrar.bindings.dump(now)

    def _banned(self, now: float) -> list[tuple[str, float]]:
        return [] if self._guard is None else self._guard.banned(now)


def _counted(states: Iterable[str]) -> dict[str, int]:
    return dict(Counter(states).most_common(20))


def _oldest(created: Iterable[float], now: float) -> float | None:
    first = min(created, default=None)
    return None if first is None else round(now - first, 1)
