"""One block of SHA-512 in halves of 32 bits, low half first; work is laid out by ../sha512.py.

What goes through memory is cut to 32 bits there, so that a host's 64-bit words do no harm. A carry
is a sum smaller than what went into it. Rotations that share a shift are nested: x >> 14 ^ x >> 18
is (x >> 4 ^ x) >> 14. The first two locals live in registers, so that `x` serves many ends.
"""

import micropython


@micropython.viper
def schedule(p: ptr32, x: uint, data: ptr8):
    """Fill work `p` with the state's copy and the 80 words of the block at `x` (§6.4.2, step 1)."""
    data = ptr8(int(data) + int(x))
    end = int(p) + 64
    while int(p) != end:
        p[16] = p[0]
        p = ptr32(int(p) + 4)
    end += 128
    while int(p) != end:
        p[17] = (((((data[0] << 8) | data[1]) << 8) | data[2]) << 8) | data[3]
        p[16] = (((((data[4] << 8) | data[5]) << 8) | data[6]) << 8) | data[7]
        data = ptr8(int(data) + 8)
        p = ptr32(int(p) + 8)
    # The word to find is 16, after 0, 2, 18 and 28 that it is made of; 34 is scratch.
    p = ptr32(int(p) - 64)
    end += 448
    while int(p) != end:
        x = uint(p[2])
        p[32] = ((((x >> 1) ^ x) >> 6) ^ x) >> 1
        p[33] = ((x << 7) ^ x) << 24
        x = uint(p[3])
        p[32] = (((((x << 6) ^ x) << 1) ^ x) << 24) ^ p[32]
        p[33] = (((((x >> 1) ^ x) >> 6) ^ x) >> 1) ^ p[33]
        x = uint(p[0])
        p[32] = p[32] + x
        c = int(uint(p[32]) < x) + p[1] + p[33]
        x = uint(p[18])
        p[32] = p[32] + x
        c = int(uint(p[32]) < x) + p[19] + c
        x = uint(p[28])
        p[34] = (((x >> 13) ^ x) >> 6) ^ (x << 3)
        p[35] = (x << 13) ^ (x >> 29)
        x = uint(p[29])
        p[34] = (((x << 13) ^ x) << 13) ^ (x >> 29) ^ p[34]
        p[35] = (((x >> 13) ^ x) >> 6) ^ (x << 3) ^ p[35]
        x = uint(p[34])
        p[32] = p[32] + x
        p[33] = int(uint(p[32]) < x) + p[35] + c
        p = ptr32(int(p) + 8)


@micropython.viper
def compress(p: ptr32, x: uint, rounds: ptr32):
    """Take work `p` through the rounds, `x` bytes of constants (§6.4.2, steps 2 to 4)."""
    start = int(p)
    p = ptr32(start + 64)
    end = int(p) + int(x)
    while int(p) != end:
        # h 0, g 2, f 4, e 6, d 8, c 10, b 12, a 14, word 16; T1 comes in 0 and `c`, T2 in 16.
        x = uint(p[0])
        p[0] = ((p[4] ^ p[2]) & p[6] ^ p[2]) + x
        c = ((p[5] ^ p[3]) & p[7] ^ p[3]) + p[1] + int(uint(p[0]) < x)
        x = uint(p[16])
        p[0] = p[0] + x
        c = int(uint(p[0]) < x) + p[17] + c
        x = uint(rounds[0])
        p[0] = p[0] + x
        c = int(uint(p[0]) < x) + rounds[1] + c
        x = uint(p[6])
        p[16] = (((x >> 4) ^ x) >> 14) ^ (x << 23)
        p[17] = (((x << 4) ^ x) << 14) ^ (x >> 9)
        x = uint(p[7])
        p[16] = (((x << 4) ^ x) << 14) ^ (x >> 9) ^ p[16]
        p[17] = (((x >> 4) ^ x) >> 14) ^ (x << 23) ^ p[17]
        x = uint(p[16])
        p[0] = p[0] + x
        c = int(uint(p[0]) < x) + p[17] + c
        x = uint(p[14])
        p[16] = (((x << 5) ^ x) << 25) ^ (x >> 28)
        p[17] = (((x >> 5) ^ x) >> 2) ^ (x << 4)
        x = uint(p[15])
        p[16] = (((x >> 5) ^ x) >> 2) ^ (x << 4) ^ p[16]
        p[17] = (((x << 5) ^ x) << 25) ^ (x >> 28) ^ p[17]
        x = uint(p[0])
        p[8] = p[8] + x
        p[9] = int(uint(p[8]) < x) + p[9] + c
        p[16] = p[16] + x
        c = int(uint(p[16]) < x) + p[17] + c
        x = uint((p[12] | p[14]) & p[10] | (p[12] & p[14]))
        p[16] = p[16] + x
        p[17] = ((p[13] | p[15]) & p[11] | (p[13] & p[15])) + int(uint(p[16]) < x) + c
        rounds = ptr32(int(rounds) + 8)
        p = ptr32(int(p) + 8)
    rounds = p
    p = ptr32(start)
    end = start + 64
    while int(p) != end:
        x = uint(p[0])
        p[0] = rounds[0] + x
        p[1] = int(uint(p[0]) < x) + p[1] + rounds[1]
        rounds = ptr32(int(rounds) + 8)
        p = ptr32(int(p) + 8)


@micropython.viper
def turn(p: ptr8):
    """Put the state's 64 bytes into the opposite order: the digest."""
    other = ptr8(int(p) + 63)
    n = 32
    while n:
        x = p[0]
        p[0] = other[0]
        other[0] = x
        p = ptr8(int(p) + 1)
        other = ptr8(int(other) - 1)
        n -= 1
