// An allocation that fails on purpose: `fail_at=N` on the command line fails the N-th after the
// machine first spoke, once. A file of the host says that it has: no later life fails.
//
// The linker sends every call of `gc_alloc` here (--wrap).

#include <stdbool.h>
#include <stddef.h>

#include "semihosting.h"
#include "stats.h"
#include "sites.h"

void *__real_gc_alloc(size_t size, unsigned flags);

#define MARK "failed"

static size_t wanted(void) {
    int mark = host_open(MARK, READ);
    if (mark >= 0) {
        host_close(mark);
        return 0;
    }
    return host_number("fail_at", 0);
}

static bool is_due(void) {
    static size_t left;
    static bool asked;
    if (!stats_has_spoken()) {
        return false;
    }
    if (!asked) {
        left = wanted();
        asked = true;
    }
    if (left == 0 || --left > 0) {
        return false;
    }
    host_close(host_open(MARK, WRITE));
    return true;
}

void *__wrap_gc_alloc(size_t size, unsigned flags) {
    stats_allocated();
    #if SITES
    sites_allocated(size);
    #endif
    return is_due() ? NULL : __real_gc_alloc(size, flags);
}
