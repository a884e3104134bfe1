// The memory that a chip leaves beside its radio: MicroPython's heap and native code come out of it.
//
// As ESP-IDF's allocator here: best fit, whole words, 8 bytes of head a piece. `pool=SIZE[+SIZE...]`
// on the command line gives its pieces, in bytes.

#include "pool.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "py/mphal.h"
#include "py/persistentcode.h"
#include "py/runtime.h"

#include "semihosting.h"

#define PIECES_MOST (64)
#define HEAD (8)
#define SPACE (1024 * 1024)

typedef struct {
    uint8_t *start;
    size_t size;
    bool used;
} piece_t;

static uint64_t space[SPACE / sizeof(uint64_t)];
static piece_t pieces[PIECES_MOST]; // in the order of their addresses
static size_t count;
static size_t native;
static size_t least; // the least that was free

static void insert(size_t at, uint8_t *start, size_t size) {
    memmove(&pieces[at + 1], &pieces[at], (count - at) * sizeof(piece_t));
    pieces[at] = (piece_t) {start, size, false};
    count += 1;
}

static size_t number(const char **text) {
    size_t value = 0;
    for (; **text >= '0' && **text <= '9'; ++*text) {
        value = 10 * value + (**text - '0');
    }
    return value & ~7u;
}

void pool_init(void) {
    const char *sizes = host_argument("pool");
    uint8_t *start = (uint8_t *)space;
    count = native = 0;
    while (sizes != NULL) {
        size_t size = number(&sizes);
        insert(count, start, size);
        start += size + HEAD; // the gap keeps two pieces apart
        sizes = *sizes == '+' ? sizes + 1 : NULL;
    }
    least = pool_free();
}

static bool fits(const piece_t *piece, size_t size) {
    return !piece->used && piece->size >= size;
}

void *pool_take(unsigned wanted) {
    size_t size = ((wanted + 7) & ~7u) + HEAD;
    piece_t *best = NULL;
    for (size_t i = 0; i < count; ++i) {
        if (fits(&pieces[i], size) && (best == NULL || pieces[i].size < best->size)) {
            best = &pieces[i];
        }
    }
    if (best == NULL) {
        return NULL;
    }
    if (best->size > size && count < PIECES_MOST) {
        insert(best - pieces + 1, best->start + size, best->size - size);
        best->size = size;
    }
    best->used = true;
    size_t free = pool_free();
    least = free < least ? free : least;
    return best->start + HEAD;
}

static void join(size_t at) {
    piece_t *piece = &pieces[at];
    if (at + 1 < count && !piece->used && !piece[1].used && piece->start + piece->size == piece[1].start) {
        piece->size += piece[1].size;
        count -= 1;
        memmove(&piece[1], &piece[2], (count - at - 1) * sizeof(piece_t));
    }
}

void pool_give_back(void *data) {
    for (size_t i = 0; i < count; ++i) {
        if (pieces[i].start + HEAD == data) {
            pieces[i].used = false;
            join(i);
            if (i > 0) {
                join(i - 1);
            }
            return;
        }
    }
}

size_t pool_largest(void) {
    size_t largest = HEAD;
    for (size_t i = 0; i < count; ++i) {
        if (fits(&pieces[i], largest)) {
            largest = pieces[i].size;
        }
    }
    return largest - HEAD;
}

size_t pool_free(void) {
    size_t free = 0;
    for (size_t i = 0; i < count; ++i) {
        free += pieces[i].used ? 0 : pieces[i].size;
    }
    return free;
}

size_t pool_least(void) {
    return least;
}

size_t pool_native(void) {
    return native;
}

// MicroPython asks before it takes another piece for its heap.
size_t gc_get_max_new_split(void) {
    return pool_largest();
}

// Native code lies outside of the heap, and for good: `ports/esp32/main.c` frees it at a soft reset.
void *pool_commit(void *code, unsigned size, void *relocations) {
    uint8_t *place = pool_take(size + 4); // a pointer to the next one precedes it there
    if (place == NULL) {
        m_malloc_fail(size);
    }
    place += 4;
    if (relocations != NULL) {
        mp_native_relocate(relocations, code, (uintptr_t)place);
    }
    memcpy(place, code, size);
    __asm volatile ("fence.i" ::: "memory");
    native += size + 4 + HEAD;
    return place;
}
