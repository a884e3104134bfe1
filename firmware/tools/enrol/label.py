"""The label on a receiver: text, SVG and PNG with a QR code that an inventory can read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

import segno

from receiver.host import whole_files

if TYPE_CHECKING:
    from pathlib import Path

QR_ERROR = "m"  # 15 % of it may be scratched: a counter is cleaned every day
PNG_SCALE = 8  # pixels a module: 25 mm at 300 dpi
MM = 60, 24  # of the label in SVG: a common roll
MARK = "TILLSIGN:1"
CHECKED = 97  # ISO 7064 MOD 97-10, as in an IBAN: finds every wrong and every swapped digit


class Label(NamedTuple):
    """What stands on it."""

    store: int
    store_name: str
    till: int
    receiver_id: bytes

    @property
    def check(self) -> str:
        """Return two digits over store, till and receiver, to read out on the telephone."""
        number = int(f"{self.store}{self.till:05}{int.from_bytes(self.receiver_id, 'big'):020}")
        return f"{CHECKED + 1 - number * 100 % CHECKED:02}"

    @property
    def code(self) -> str:
        """Return the text in the QR code: capitals, digits and colons, which take least room."""
        id_ = self.receiver_id.hex().upper()
        return f"{MARK}:{self.store}:{self.till}:{id_}:{self.check}"

    def lines(self) -> list[str]:
        return [
            f"Till {self.till}",
            self.store_name,
            f"Store {self.store}",
            f"Receiver {grouped(self.receiver_id)}",
            f"Check {self.check}",
        ]

    def svg(self) -> str:
        """Return one picture: the QR code on the left, the lines beside it."""
        width, height = MM
        side = height - 4
        qr = segno.make(self.code, error=QR_ERROR).svg_inline(omitsize=True, border=0)
        placed = qr.replace("<svg ", f'<svg x="2" y="2" width="{side}" height="{side}" ', 1)
        texts = "".join(
            f'<text x="{height + 1}" y="{5 + 4 * at}" font-size="{4 if at == 0 else 2.6}" '
            f'font-family="sans-serif">{escape(line)}</text>'
            for at, line in enumerate(self.lines())
        )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{height}mm" '
            f'viewBox="0 0 {width} {height}">{placed}{texts}</svg>\n'
        )

    def keep_in(self, directory: Path) -> list[Path]:
        """Write the three files; return them."""
        places = [directory / f"label-{self.till}.{kind}" for kind in ("txt", "svg", "png")]
        text, picture, code = places
        whole_files.write(text, ("\n".join(self.lines()) + "\n").encode())
        whole_files.write(picture, self.svg().encode())
        png = segno.make(self.code, error=QR_ERROR).png_data_uri(scale=PNG_SCALE)
        whole_files.write(code, _decoded(png))
        return places


def grouped(receiver_id: bytes) -> str:
    """Return an id in groups of four digits, as people read it out."""
    digits = receiver_id.hex()
    return " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))


def _decoded(uri: str) -> bytes:
    from base64 import b64decode

    return b64decode(uri.partition(",")[2])
