"""What flows are checked and tested without: the secrets of the environment."""

from collections.abc import Iterator, Mapping


class NoSecrets(Mapping[str, str]):
    """An environment in which each variable is `${NAME}` itself: tests need no keys, and show none."""

    def __getitem__(self, name: str) -> str:
        return f"${{{name}}}"

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0
