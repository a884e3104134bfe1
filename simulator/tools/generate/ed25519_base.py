"""Write receiver/crypto/ed25519_base.py: the comb of Ed25519's base point.

Usage: python -m simulator.tools.generate.ed25519_base
"""

from __future__ import annotations

from pathlib import Path

from receiver.crypto import edwards25519
from receiver.crypto.elements import SIZE
from receiver.crypto.job import finish

TARGET = Path(__file__).resolve().parents[3] / "receiver/crypto/ed25519_base.py"
_BASE = (4 * pow(5, -1, edwards25519.PRIME) % edwards25519.PRIME).to_bytes(32, "little")
_LINE = SIZE  # one coordinate


def source() -> str:
    """Return the file's text."""
    point = edwards25519.decode(edwards25519.machine(), _BASE)
    assert point is not None
    table = bytes(finish(edwards25519.comb_job(edwards25519.load(*point))))
    lines = [f'    b"{_escaped(table[at : at + _LINE])}"' for at in range(0, len(table), _LINE)]
    return _HEAD + "\n".join(lines) + "\n)\n# fmt: on\n"


def _escaped(data: bytes) -> str:
    return "".join(f"\\x{octet:02x}" for octet in data)


_HEAD = '''"""The comb of Ed25519's base point, made by `simulator.tools.generate.ed25519_base`.

A coordinate in each line; what they are says `edwards25519.py`.
"""

# fmt: off
TABLE = (
'''

if __name__ == "__main__":
    TARGET.write_text(source())
