"""Elements of a field, 20 limbs of 13 bits in 16-bit words: in, out, and their inverses."""

import micropython


@micropython.viper
def split(p: ptr8, n: int, limbs: ptr16):
    """Write the 20 limbs of a number of 33 bytes to the element at byte `n` of `limbs`."""
    octets = int(p)
    limbs = ptr16(int(limbs) + n)
    n = 0
    while n < 260:
        p = ptr8(octets + (n >> 3))
        limbs[0] = ((((p[2] << 8) | p[1]) << 8 | p[0]) >> (n & 7)) & 8191
        limbs = ptr16(int(limbs) + 2)
        n += 13


@micropython.viper
def join(p: ptr8, n: int, limbs: ptr16):
    """Write to `p` the 33 bytes of the element at byte `n` of `limbs`; limbs may be 16 bits."""
    limbs = ptr16(int(limbs) + n)
    n = 0
    bits = 0
    left = 20
    while left:
        n = (limbs[0] << bits) + n
        limbs = ptr16(int(limbs) + 2)
        bits += 13
        while bits > 7:
            p[0] = n
            p = ptr8(int(p) + 1)
            n = n >> 8
            bits -= 8
        left -= 1
    p[0] = n


@micropython.viper
def invert(p: ptr16):
    """Divide by g modulo the odd m: divsteps of Bernstein and Yang, 13 at once (public data only).

    `p` holds f, g, d, e and m: at the start m, a number below m, 0, 1 and m. At the end f is 1 or
    -1, and d its product with the inverse. The highest limbs of f, g, d and e have a sign. f and g
    are below m, d and e above -2m and below m. |u| + |v| and |q| + |r| are at most 2^13, |x| and
    |y| 2^14, so that every sum stays below 2^28.
    """
    c = p[80]
    start = int(p)
    inverse = c
    n = 3
    while n:  # each turn doubles the bits of the inverse of m modulo 2^13
        inverse = inverse * ((2 - c * inverse) & 8191) & 8191
        n -= 1
    delta = 1
    more = 1
    while more:
        f = p[0]
        g = p[20]
        u = 1
        v = 0
        q = 0
        r = 1
        n = 13
        while n:
            c = g
            if c & 1:
                if delta > 0:
                    delta = 0 - delta
                    g = 0 - f
                    f = c
                    c = u
                    u = q
                    q = 0 - c
                    c = v
                    v = r
                    r = 0 - c
                g = g + f
                q = q + u
                r = r + v
            delta += 1
            g = g >> 1
            u = u + u
            v = v + v
            n -= 1
        # f, g = (u f + v g) >> 13, (q f + r g) >> 13
        c = (p[0] * u + p[20] * v) >> 13
        k = (p[0] * q + p[20] * r) >> 13
        more = 0
        n = 19
        while n:
            f = (p[1] ^ 32768) - 32768
            g = (p[21] ^ 32768) - 32768
            c = f * u + g * v + c
            p[0] = c & 8191
            c = c >> 13
            k = f * q + g * r + k
            p[20] = k & 8191
            more = k | more
            k = k >> 13
            p = ptr16(int(p) + 2)
            n -= 1
        p[0] = c
        p[20] = k
        more = (more & 8191) | k
        # d, e = (u d + v e + x m) >> 13, (q d + r e + y m) >> 13; x, y first add m to d, e below 0.
        p = ptr16(start + 80)
        f = p[19] >> 15
        g = p[39] >> 15
        x = f * u + g * v
        y = f * q + g * r
        c = p[0] * u + p[20] * v
        x = x - (((c & 8191) * inverse + x) & 8191)
        c = (p[40] * x + c) >> 13
        k = p[0] * q + p[20] * r
        y = y - (((k & 8191) * inverse + y) & 8191)
        k = (p[40] * y + k) >> 13
        n = 19
        while n:
            f = (p[1] ^ 32768) - 32768
            g = (p[21] ^ 32768) - 32768
            c = f * u + g * v + c
            c = p[41] * x + c
            p[0] = c & 8191
            c = c >> 13
            k = f * q + g * r + k
            k = p[41] * y + k
            p[20] = k & 8191
            k = k >> 13
            p = ptr16(int(p) + 2)
            n -= 1
        p[0] = c
        p[20] = k
        p = ptr16(start)


@micropython.viper
def comb(p: ptr8, n: int, scalar: ptr8, teeth: int):
    """Write to `p` the digits of `n` columns, the highest first: a bit of each tooth's `n` bits."""
    columns = n
    while n:
        n -= 1
        digit = 0
        left = teeth
        while left:
            left -= 1
            bit = columns * left + n
            digit = digit + digit + (scalar[bit >> 3] >> (bit & 7) & 1)
        p[0] = digit
        p = ptr8(int(p) + 1)


@micropython.viper
def move(p: ptr32, n: int, source: ptr32, start: int, size: int):
    """Copy `size` bytes, whole words, from byte `start` of `source` to byte `n` of `p`."""
    p = ptr32(int(p) + n)
    source = ptr32(int(source) + start)
    n = size
    while n > 0:
        p[0] = source[0]
        p = ptr32(int(p) + 4)
        source = ptr32(int(source) + 4)
        n -= 4


@micropython.viper
def wipe(p: ptr32, n: int):
    """Set `n` bytes, a multiple of eight, to zero."""
    while n:
        p[0] = 0
        p[1] = 0
        p = ptr32(int(p) + 8)
        n -= 8
