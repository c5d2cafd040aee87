"""What callbacks become when their object is closed: their owner refers to it, and would be kept alive by them."""


def ignore(*_what: object) -> None:
    """Do nothing."""
