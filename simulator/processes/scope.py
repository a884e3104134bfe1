"""The base of a world's parts: an async context manager that closes what it has opened."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import Self


class Scope(ABC):
    """An async context manager: at its end `stack` undoes, in reverse, what `open` put there.

    It does so too if `open` fails half way.
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
