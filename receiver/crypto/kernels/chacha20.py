"""ChaCha20 (RFC 8439 §2.4) over whole blocks.

What goes through memory is cut to 32 bits there, so that a host's 64-bit words do no harm. The
first two locals live in registers: `x` comes as a count and then is the word at hand.
"""

import micropython


@micropython.viper
def xor(p: ptr32, x: uint, data: ptr32, state: ptr32, at: int):
    """Add the key stream to `x` blocks at byte `at` of `data`.

    `state` (§2.3) counts on, work `p` has 32 words.

    The rows of four words stand 8 words apart in `p`. A row's first words are also put behind it,
    so that diagonals are columns whose rows begin one, two and three words later.
    """
    start = int(p)
    end = start + 16
    blocks = int(x)
    data = ptr32(int(data) + at)
    while blocks:
        while int(p) != end:
            p[0] = state[0]
            p[8] = state[4]
            p[16] = state[8]
            p[24] = state[12]
            state = ptr32(int(state) + 4)
            p = ptr32(int(p) + 4)
        state = ptr32(int(state) - 16)
        n = 10
        while n:
            p = ptr32(start)
            while int(p) != end:
                p[0] = p[0] + p[8]
                x = uint(p[24] ^ p[0])
                x = (x << 16) | (x >> 16)
                p[24] = x
                p[16] = p[16] + x
                x = uint(p[8] ^ p[16])
                x = (x << 12) | (x >> 20)
                p[8] = x
                p[0] = p[0] + x
                x = uint(p[24] ^ p[0])
                x = (x << 8) | (x >> 24)
                p[24] = x
                p[16] = p[16] + x
                x = uint(p[8] ^ p[16])
                p[8] = (x << 7) | (x >> 25)
                p = ptr32(int(p) + 4)
            p = ptr32(start)
            p[12] = p[8]
            p[20] = p[16]
            p[21] = p[17]
            p[28] = p[24]
            p[29] = p[25]
            p[30] = p[26]
            while int(p) != end:
                p[0] = p[0] + p[9]
                x = uint(p[27] ^ p[0])
                x = (x << 16) | (x >> 16)
                p[27] = x
                p[18] = p[18] + x
                x = uint(p[9] ^ p[18])
                x = (x << 12) | (x >> 20)
                p[9] = x
                p[0] = p[0] + x
                x = uint(p[27] ^ p[0])
                x = (x << 8) | (x >> 24)
                p[27] = x
                p[18] = p[18] + x
                x = uint(p[9] ^ p[18])
                p[9] = (x << 7) | (x >> 25)
                p = ptr32(int(p) + 4)
            p = ptr32(start)
            p[8] = p[12]
            p[16] = p[20]
            p[17] = p[21]
            p[24] = p[28]
            p[25] = p[29]
            p[26] = p[30]
            n -= 1
        while int(p) != end:
            data[0] = (p[0] + state[0]) ^ data[0]
            data[4] = (p[8] + state[4]) ^ data[4]
            data[8] = (p[16] + state[8]) ^ data[8]
            data[12] = (p[24] + state[12]) ^ data[12]
            data = ptr32(int(data) + 4)
            state = ptr32(int(state) + 4)
            p = ptr32(int(p) + 4)
        p = ptr32(start)
        state = ptr32(int(state) - 16)
        state[12] = state[12] + 1
        data = ptr32(int(data) + 48)
        blocks -= 1
