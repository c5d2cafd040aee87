"""Errors that engines raise. Engines raise nothing else."""


class EngineError(Exception):
    """An engine failed: `engine` is its name, `what` happened, `why`, and `hint` what to type, if that helps."""

    def __init__(self, engine: str, what: str, why: str, hint: str = "") -> None:
        parts = f"{engine}: {what}: {why}"
        super().__init__(f"{parts}. {hint}" if hint else parts)
        self.engine = engine
        self.what = what
        self.why = why
        self.hint = hint

    def __reduce__(self) -> tuple[type["EngineError"], tuple[str, str, str, str]]:
        # The default would rebuild it from the joined message; engines may run in other processes, so errors are
        # pickled.
        return type(self), (self.engine, self.what, self.why, self.hint)


class EngineTimeout(EngineError):
    """An engine did not answer in time and is considered hung."""
