"""Poly1305 (RFC 8439 §2.5) over whole blocks, in limbs of 13 bits.

Work `q` has 30 words: five times r, r, and the sum h, ten limbs each. A column of the product h r
is below 39 · 2^26, since clamping makes two of r's limbs small: it takes all 32 bits, unsigned.
"""

import micropython


@micropython.viper
def start(q: ptr32, key: ptr8):
    """Take r from `key`, which is clamped in place (§2.5.1), and set h to zero."""
    key[3] = key[3] & 15
    key[7] = key[7] & 15
    key[11] = key[11] & 15
    key[15] = key[15] & 15
    key[4] = key[4] & 252
    key[8] = key[8] & 252
    key[12] = key[12] & 252
    n = 0
    while n < 130:
        b = ptr8(int(key) + (n >> 3))
        limb = ((((b[2] << 8) | b[1]) << 8 | b[0]) >> (n & 7)) & 8191
        if n == 117:
            limb = ((b[1] << 8) | b[0]) >> 5
        q[0] = 5 * limb
        q[10] = limb
        q[20] = 0
        q = ptr32(int(q) + 4)
        n += 13


@micropython.viper
def absorb(c: uint, q: ptr32, data: ptr16, at: int):
    """Take in `c` blocks of 16 bytes at byte `at`: h = (h + block + 2^128) r for each.

    h is carried but not reduced, and `at` is even.

    `c` then is the sum at hand: it and `q` are the two locals that live in registers.
    """
    blocks = int(c)
    base = int(q)
    data = ptr16(int(data) + at)
    while blocks:
        c = uint(q[20] + (data[0] & 8191))
        h0 = int(c & 8191)
        c = c >> 13
        c = uint(q[21] + (((data[1] << 3) | (data[0] >> 13)) & 8191)) + c
        h1 = int(c & 8191)
        c = c >> 13
        c = uint(q[22] + (((data[2] << 6) | (data[1] >> 10)) & 8191)) + c
        h2 = int(c & 8191)
        c = c >> 13
        c = uint(q[23] + (((data[3] << 9) | (data[2] >> 7)) & 8191)) + c
        h3 = int(c & 8191)
        c = c >> 13
        c = uint(q[24] + (((data[4] << 12) | (data[3] >> 4)) & 8191)) + c
        h4 = int(c & 8191)
        c = c >> 13
        c = uint(q[25] + ((data[4] >> 1) & 8191)) + c
        h5 = int(c & 8191)
        c = c >> 13
        c = uint(q[26] + (((data[5] << 2) | (data[4] >> 14)) & 8191)) + c
        h6 = int(c & 8191)
        c = c >> 13
        c = uint(q[27] + (((data[6] << 5) | (data[5] >> 11)) & 8191)) + c
        h7 = int(c & 8191)
        c = c >> 13
        c = uint(q[28] + (((data[7] << 8) | (data[6] >> 8)) & 8191)) + c
        h8 = int(c & 8191)
        c = c >> 13
        h9 = ((data[7] >> 5) | 2048) + q[29] + int(c)
        c = uint(0)
        n = 10
        while n:
            c = uint(q[10] * h0 + c)
            c = uint(q[9] * h1 + c)
            c = uint(q[8] * h2 + c)
            c = uint(q[7] * h3 + c)
            c = uint(q[6] * h4 + c)
            c = uint(q[5] * h5 + c)
            c = uint(q[4] * h6 + c)
            c = uint(q[3] * h7 + c)
            c = uint(q[2] * h8 + c)
            c = uint(q[1] * h9 + c)
            q[20] = c & 8191
            c = c >> 13
            q = ptr32(int(q) + 4)
            n -= 1
        q = ptr32(base)
        q[20] = q[20] + 5 * c
        data = ptr16(int(data) + 16)
        blocks -= 1


@micropython.viper
def finish(q: ptr32, key: ptr8):
    """Reduce h, and add it to s in `key`, bytes 16 to 31: the tag (§2.5.1).

    Each turn carries through all limbs and brings what is above 2^130 back to the bottom. The
    first adds 5 at its end, so that the second tells by its carry whether h is 2^130 - 5 or more;
    where it is not, the third takes the 5 away again.
    """
    base = int(q)
    c = 0
    five = 5
    turns = 3
    while turns:
        n = 10
        while n:
            c = q[20] + c
            q[20] = c & 8191
            c = c >> 13
            q = ptr32(int(q) + 4)
            n -= 1
        q = ptr32(base)
        c = 5 * c + five
        five = 0 - five
        turns -= 1
    c = 0
    n = 10
    bits = 0
    while n:
        c = (q[20] << bits) + c
        bits += 13
        while bits > 7:
            c = key[16] + c
            key[16] = c
            c = c >> 8
            key = ptr8(int(key) + 1)
            bits -= 8
        q = ptr32(int(q) + 4)
        n -= 1
