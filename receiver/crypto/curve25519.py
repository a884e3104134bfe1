"""Powers modulo 2^255 - 19 that X25519 and Ed25519 both need."""

from __future__ import annotations

# z to the power of 2^250 - 1 in c, and to that of 11 in a.
_CHAIN = """
    a = z * z
    b = a ~ 2
    b = b * z
    a = a * b
    c = a * a
    b = c * b
    c = b ~ 5
    b = c * b
    c = b ~ 10
    c = c * b
    d = c ~ 20
    c = d * c
    c = c ~ 10
    b = c * b
    c = b ~ 50
    c = c * b
    d = c ~ 100
    c = d * c
    c = c ~ 50
    c = c * b
"""

# Program texts that use the registers z, a, b, c, d: the result in c.
INVERSE = _CHAIN + "c = c ~ 5\n c = c * a\n"  # z^(p - 2); 0 of 0
ROOT = _CHAIN + "c = c ~ 2\n c = c * z\n"  # z^((p - 5) / 8), RFC 8032 §5.1.3
