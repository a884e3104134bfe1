"""Write the generated parts of the documents: the lines between two markers in docs/*.md.

Usage: python -m simulator.tools.generate.docs

    <!-- generated: reasons -->
    ...
    <!-- end of reasons -->

The name is one of `BLOCKS`. What stands between the markers is replaced, and nothing else.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.domain import states as bridge_sale
from receiver.core import connection, sale_session
from simulator.authority.ledger import states as ledger
from simulator.phone.conversation import states as conversation
from simulator.tools.promise import pages as promise

from . import lamp, limits, radio, reference
from .diagrams import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGES = Path(__file__).resolve().parents[3] / "docs"
BLOCKS: dict[str, Callable[[], str]] = {
    "airs": radio.airs,
    "chip": radio.chip,
    "edges": reference.edges,
    "figures of the air": radio.constants,
    "lamp": lamp.states,
    "limits": limits.page,
    "machine of the authority": lambda: machine(ledger.TABLE, ledger.NONE),
    "machine of the line": lambda: machine(reference.line_table(), "home"),
    "machine of a phone": lambda: machine(conversation.TABLE, conversation.SCANNING),
    "machine of a phone's way back": lambda: machine(conversation.LINK_TABLE, conversation.APART),
    "machine of a phone's link": lambda: machine(connection.TABLE, connection.JOINED),
    "machine of a sale": lambda: machine(reference.sale_table(), bridge_sale.State.OPEN),
    "machine of the receiver's sale": lambda: machine(sale_session.TABLE, sale_session.IDLE),
    "metrics": reference.metrics,
    "messages on the line": reference.line_messages,
    "messages in service mode": reference.service_messages,
    "phones": radio.phones,
    "promise": lambda: promise.parts(PAGES)["promise"],
    "promise, breakdown": lambda: promise.parts(PAGES)["promise, breakdown"],
    "promise, before and after": lambda: promise.parts(PAGES)["promise, before and after"],
    "reasons": reference.reasons,
    "reasons of refunds": reference.reasons_of_refunds,
}
_BLOCK = re.compile(r"(<!-- generated: (.+?) -->\n).*?(<!-- end of \2 -->)", re.DOTALL)


def generated(text: str) -> str:
    """Return a page with every generated part made anew; raise KeyError for an unknown name."""
    return _BLOCK.sub(lambda found: f"{found[1]}\n{BLOCKS[found[2]]()}\n\n{found[3]}", text)


def names(text: str) -> list[str]:
    """Return the names of the generated parts of a page."""
    return [found[2] for found in _BLOCK.finditer(text)]


def pages() -> Iterator[Path]:
    return iter(sorted(PAGES.glob("*.md")))


def main() -> None:
    for page in pages():
        page.write_text(generated(page.read_text()))
    promise.draw(PAGES)


if __name__ == "__main__":
    main()
