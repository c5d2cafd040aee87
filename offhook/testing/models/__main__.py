"""A scripted language model for a bot in another process: prints the settings that the bot needs."""

import argparse
import asyncio
from pathlib import Path

from offhook.testing.models.file import server_of
from offhook.testing.models.server import ModelServer
from offhook.usererror import UserError


async def serve(server: ModelServer, port: int) -> None:
    """Serve until cancelled."""
    await server.start(port)
    print("export OFFHOOK_LLM__ENGINE=openai")  # noqa: T201 - it is what the command is for
    print(f"export OFFHOOK_LLM__OPENAI__MODEL={server.models[0]}")  # noqa: T201
    print(f"export OFFHOOK_LLM__OPENAI__BASE_URL={server.openai_url}", flush=True)  # noqa: T201
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


def parser() -> argparse.ArgumentParser:
    """The options."""
    found = argparse.ArgumentParser(prog="python -m offhook.testing.models", description=__doc__)
    found.add_argument("script", type=Path, help="YAML (docs/testing.md)")
    found.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 takes any free one")
    return found


def main() -> None:
    """The command."""
    given = parser().parse_args()
    try:
        asyncio.run(serve(server_of(given.script), given.port))
    except KeyboardInterrupt:
        return
    except UserError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
