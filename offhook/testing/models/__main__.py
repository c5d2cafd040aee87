"""A scripted language model for a bot in another process: prints the settings that the bot needs."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from offhook.testing.models.file import server_of
from offhook.testing.models.server import ModelServer
from offhook.testing.serve import serve


def settings(server: ModelServer) -> Iterator[str]:
    """What a bot needs to use it."""
    yield f"# in an agent's file: `model: {server.models[0]}` and `base_url: {server.openai_url}`; without `model`:"
    yield "export OFFHOOK_LLM__ENGINE=openai"
    yield f"export OFFHOOK_LLM__OPENAI__MODEL={server.models[0]}"
    yield f"export OFFHOOK_LLM__OPENAI__BASE_URL={server.openai_url}"


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m offhook.testing.models", description=__doc__)
    found.add_argument("script", type=Path, help="YAML (docs/testing.md)")
    found.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes any free one")
    return found


def main() -> None:
    """The command."""
    given = parser().parse_args()
    serve(lambda: server_of(given.script), given.port, settings)


if __name__ == "__main__":
    main()
