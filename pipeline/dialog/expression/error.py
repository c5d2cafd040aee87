"""What is wrong with an expression."""


class ExpressionError(ValueError):
    """It cannot be used: why, and what to type."""

    def __init__(self, why: str, todo: str) -> None:
        super().__init__(f"{why}: {todo}")
        self.why = why
        self.todo = todo
