// Where the interpreter stands: the function and the bytecode of an allocation.
//
// Only in an image built with SITES=1, whose linker sends every run of a function here (--wrap): it
// costs instructions, so that nothing else is measured with such an image.

#include "sites.h"

#include <stdio.h>
#include <string.h>

#include "py/bc.h"
#include "py/objfun.h"
#include "py/runtime.h"

#include "semihosting.h"

mp_vm_return_kind_t __real_mp_execute_bytecode(mp_code_state_t *state, volatile mp_obj_t inject);

static mp_code_state_t *running;

#include "stats.h"
static struct { const char *name; unsigned most, count; } longs[200];
static const char *name_of(const mp_obj_fun_bc_t *fun);
static void note_long(const char *name, unsigned took) {
    for (int i = 0; i < 200; ++i) {
        if (longs[i].name == NULL) longs[i].name = name;
        if (longs[i].name == name) { longs[i].count++; if (took > longs[i].most) longs[i].most = took; return; }
    }
}
mp_vm_return_kind_t __wrap_mp_execute_bytecode(mp_code_state_t *state, volatile mp_obj_t inject) {
    mp_code_state_t *before = running;
    running = state;
    uint64_t from = cycles();
    const char *name = name_of(state->fun_bc);
    mp_vm_return_kind_t kind = __real_mp_execute_bytecode(state, inject);
    running = before;
    unsigned took = (cycles() - from) / 1000;
    if (took > 400) { note_long(name, took); }
    return kind;
}

#define PLACES (4096)
static struct { const uint8_t *at; const byte *start; const char *name; int offset; unsigned count, bytes; } sites[PLACES];

static const char *name_of(const mp_obj_fun_bc_t *fun) {
    const byte *ip = fun->bytecode;
    MP_BC_PRELUDE_SIG_DECODE(ip);
    MP_BC_PRELUDE_SIZE_DECODE(ip);
    qstr name = mp_decode_uint_value(ip);
    #if MICROPY_EMIT_BYTECODE_USES_QSTR_TABLE
    name = fun->context->constants.qstr_table[name];
    #endif
    return qstr_str(name);
}

void sites_allocated(size_t size) {
    if (!stats_has_spoken()) {
        return;
    }
    const byte *at = running ? running->ip : 0;
    size = (size + 15) & ~15u;
    for (unsigned i = ((uintptr_t)at >> 1) * 2654435761u >> 20;; i = (i + 1) % PLACES) {
        if (sites[i].count == 0) {
            sites[i].at = at;
            sites[i].name = running ? name_of(running->fun_bc) : "-";
            sites[i].offset = running ? at - (const byte *)running->fun_bc->bytecode : 0;
        }
        if (sites[i].at == at) {
            sites[i].count += 1;
            sites[i].bytes += size;
            return;
        }
    }
}

void sites_store(void) {
    int file = host_open("sites.txt", WRITE);
    for (unsigned i = 0; i < PLACES; ++i) {
        if (sites[i].count) {
            char text[128];
            int length = snprintf(text, sizeof text, "%s %d %u %u\n", sites[i].name, sites[i].offset, sites[i].count, sites[i].bytes);
            host_write(file, text, length);
        }
    }
    host_close(file);
    file = host_open("longs.txt", WRITE);
    for (int i = 0; i < 200 && longs[i].name; ++i) {
        char text[128];
        int length = snprintf(text, sizeof text, "%s %u %u\n", longs[i].name, longs[i].most, longs[i].count);
        host_write(file, text, length);
    }
    host_close(file);
}
