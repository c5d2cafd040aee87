"""Values as a record keeps them. Pure."""

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal

from offhook.pipeline.understanding.ambiguous import Ambiguous
from offhook.pipeline.understanding.amounts import Money
from offhook.pipeline.understanding.time_spans import TimeSpan


def recorded(value: object) -> str:
    """ISO 8601 for dates and times, numbers without an exponent, "12.50 EUR", "yes" and "no"; the readings of an
    ambiguous value with "or"."""
    if isinstance(value, Ambiguous):
        return " or ".join(recorded(each) for each in value.values)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")  # 1E+2 is 100, 25.0 is 25
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("minutes")
    if isinstance(value, TimeSpan):
        return f"{value.start.isoformat('minutes')}/{value.end.isoformat('minutes')}"
    if isinstance(value, Money):
        amount = value.amount
        plain = f"{amount:.2f}" if amount != amount.to_integral_value() else str(int(amount))
        return f"{plain} {value.currency or ''}".rstrip()
    return str(value)


def plain(value: object) -> str:
    """A value as it stands in a number, an address or a header; empty where there is none that could."""
    return "" if value is None or isinstance(value, list | tuple | Mapping) else recorded(value)
