"""What may go wrong with an engine. Nothing else leaves one."""


class EngineError(Exception):
    """An engine failed: `engine` is its name, `what` happened, `why`, `hint` what to type, if that helps."""

    def __init__(self, engine: str, what: str, why: str, hint: str = "") -> None:
        parts = f"{engine}: {what}: {why}"
        super().__init__(f"{parts}. {hint}" if hint else parts)
        self.engine = engine
        self.what = what
        self.why = why
        self.hint = hint

    def __reduce__(self) -> tuple[type["EngineError"], tuple[str, str, str, str]]:
        # The default would rebuild it from the one joined string; engines may live in other processes.
        return type(self), (self.engine, self.what, self.why, self.hint)


class EngineTimeout(EngineError):
    """An engine did not answer in its time; it is to be taken for hung."""
