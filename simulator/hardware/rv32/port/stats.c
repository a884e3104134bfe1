// What the machine measures: kept in words that no heap knows, written before it sleeps.

#include "stats.h"

#include <stdbool.h>
#include <stdio.h>

#include "py/gc.h"

#include "pool.h"
#include "semihosting.h"

static struct {
    uint64_t booted;        // when it first spoke
    uint64_t turn;          // when this turn began
    uint64_t longest;       // turn without a collection
    uint64_t longest_with;  // turn with one
    uint64_t collecting;    // the longest collection
    unsigned collected;     // in this turn
    unsigned collections;
    unsigned most_collected; // in one turn
    unsigned allocations;    // since it first spoke
    unsigned failed;         // of them
    unsigned live;           // bytes that the last collection left
    bool changed;
} seen;

static uint64_t idle; // the counter goes on while the machine sleeps

uint64_t cycles(void) {
    uint32_t high, low, again;
    __asm volatile (
        "1: rdcycleh %0\n rdcycle %1\n rdcycleh %2\n bne %0, %2, 1b"
        : "=&r" (high), "=&r" (low), "=&r" (again));
    return ((uint64_t)high << 32 | low) - idle;
}

static void keep(uint64_t *most, uint64_t value) {
    if (value > *most) {
        *most = value;
        seen.changed = true;
    }
}

void stats_begin(void) {
    idle = 0;
    stats_idle(0);
}

void stats_turn(void) {
    uint64_t now = cycles();
    if (seen.booted != 0 && seen.turn != 0) {
        keep(seen.collected ? &seen.longest_with : &seen.longest, now - seen.turn);
        if (seen.collected > seen.most_collected) {
            seen.most_collected = seen.collected;
        }
    }
    seen.turn = now;
    seen.collected = 0;
}

void stats_idle(uint64_t from) {
    idle += cycles() - from;
}

void stats_collected(uint64_t from) {
    keep(&seen.collecting, cycles() - from);
    seen.collected += 1;
    seen.collections += 1;
    seen.changed = true;
    from = cycles();
    gc_info_t heap;
    gc_info(&heap);
    seen.live = heap.used;
    stats_idle(from);
}

void stats_spoke(void) {
    if (seen.booted == 0) {
        keep(&seen.booted, cycles());
    }
}

bool stats_has_spoken(void) {
    return seen.booted != 0;
}

void stats_allocated(void) {
    seen.allocations += seen.booted != 0;
}

void stats_failed(void) {
    seen.failed += seen.booted != 0;
}

static void line(int file, const char *name, unsigned value, const char *end) {
    char text[64];
    int length = snprintf(text, sizeof text, "\"%s\": %u%s", name, value, end);
    host_write(file, text, length);
}

// Every figure is below 2^32 but for a machine that never rests; the file says thousands of those.
void stats_store(void) {
    if (!seen.changed || host_argument("stats") == NULL) {
        return;
    }
    uint64_t from = cycles();
    int file = host_open("stats.json", WRITE);
    host_write(file, "{", 1);
    line(file, "boot", seen.booted / 1000, ", ");
    line(file, "longest_turn", seen.longest / 1000, ", ");
    line(file, "longest_turn_collecting", seen.longest_with / 1000, ", ");
    line(file, "collection", seen.collecting / 1000, ", ");
    line(file, "collections", seen.collections, ", ");
    line(file, "collections_in_a_turn", seen.most_collected, ", ");
    line(file, "allocations", seen.allocations, ", ");
    line(file, "failed", seen.failed, ", ");
    line(file, "live", seen.live, ", ");
    line(file, "pool_least", pool_least(), ", ");
    line(file, "native", pool_native(), "}\n");
    host_close(file);
    seen.changed = false;
    stats_idle(from);
}
