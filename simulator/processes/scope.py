"""What every part of a world is: an async context manager over the parts that it opens."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import Self


class Scope(ABC):
    """An async context manager: whatever `open` puts on `stack` is undone, the last first.

    That is also so where `open` fails half way.
    """

    stack: AsyncExitStack

    @abstractmethod
    async def open(self) -> None: ...

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as self.stack:
            await self.open()
            self.stack = self.stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stack.aclose()
