"""Sell on a blank board, against an authority that ends with the test."""

from __future__ import annotations

from receiver.link import wire
from simulator.phone.app.buyer import Buyer
from simulator.world.till import Json

from . import radio_option, shops
from .bench import Bench
from .figures import BoardFigure, StepError
from .purchase import PurchaseError

SALE_MS_MOST = 10_000  # a slow phone on a busy channel; a buyer leaves after that
HEALTH_S = 1.5 * wire.HEALTH_MS / 1000


async def sales(bench: Bench) -> list[BoardFigure]:
    """One sale after the other: each is approved, and none leaves the board with less memory."""
    took: list[float] = []
    failed: list[str] = []
    async with (
        radio_option.adapter(bench.radio) as radio,
        shops.throw_away(bench.url, radio, _quiet, bench.tell) as checkout,
    ):
        first = await checkout.receiver_up()
        for number in range(bench.sales):
            try:
                bought = await checkout.buy(Buyer())
                await checkout.pay(bought.sale)
                took.append(bought.ms)
            except PurchaseError as error:
                failed.append(f"sale {number + 1}: {error}")
        last = await checkout.health(HEALTH_S)
    if not took:
        raise StepError(failed[0] if failed else "no sale was asked for")
    for text in failed:
        bench.tell(text)
    return _figures(took, len(failed), first, last)


def _figures(took: list[float], failed: int, first: Json, last: Json) -> list[BoardFigure]:
    took = sorted(took)
    return [
        BoardFigure("sales", len(took), ""),
        BoardFigure("sales that failed", failed, "", 0, most=0),
        BoardFigure("middle sale", took[len(took) // 2], "ms", most=SALE_MS_MOST),
        BoardFigure("slowest sale", took[-1], "ms"),
        BoardFigure("free after the sales", last["health"]["free_bytes"], "bytes"),
        BoardFigure("starts during the sales", _starts(first, last), "", 0, most=0),
        BoardFigure("messages that the line lost", last["health"]["dropped"], "", 0, most=0),
    ]


def _starts(first: Json, last: Json) -> int:
    """Return how often the board has started anew in between."""
    return int(last["line"]["resets"]) - int(first["line"]["resets"])


def _quiet(_text: str) -> None:
    """Tell nothing of each sale's steps."""
