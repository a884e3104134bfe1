// Every allocation: counted, and in an image built with SITES=1 made to fail on purpose (sites.c).
//
// The linker sends the calls of `gc_alloc` here, and with SITES=1 those of `gc_realloc` (--wrap).

#include <stdbool.h>
#include <stddef.h>

#include "py/gc.h"

#include "sites.h"
#include "stats.h"

void *__real_gc_alloc(size_t size, unsigned flags);

void *__wrap_gc_alloc(size_t size, unsigned flags) {
    stats_allocated();
    #if SITES
    if (sites_fail(size, __builtin_return_address(0))) {
        return NULL;
    }
    #endif
    void *found = __real_gc_alloc(size, flags);
    if (found == NULL && size > 0) {
        stats_failed();
    }
    return found;
}

#if SITES
void *__real_gc_realloc(void *data, size_t size, bool may_move);

void *__wrap_gc_realloc(void *data, size_t size, bool may_move) {
    bool grows = data == NULL || size > gc_nbytes(data);
    if (grows && sites_fail(size, __builtin_return_address(0))) {
        return NULL;
    }
    return __real_gc_realloc(data, size, may_move);
}
#endif
