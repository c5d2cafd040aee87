"""What has happened to a wait and has not been looked at yet."""

import asyncio

from offhook.queues.port import News


class NewsBox:
    """News, oldest first."""

    def __init__(self) -> None:
        self._news: asyncio.Queue[News] = asyncio.Queue()

    def __len__(self) -> int:
        return self._news.qsize()

    def put(self, news: News) -> None:
        """Have it taken after all others."""
        self._news.put_nowait(news)

    async def next(self, timeout_s: float | None) -> News | None:
        """Take the oldest; None if there is none within that time."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._news.get()
        except TimeoutError:
            return None
