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
#include "stats.h"

mp_vm_return_kind_t __real_mp_execute_bytecode(mp_code_state_t *state, volatile mp_obj_t inject);

static mp_code_state_t *running;

mp_vm_return_kind_t __wrap_mp_execute_bytecode(mp_code_state_t *state, volatile mp_obj_t inject) {
    mp_code_state_t *before = running;
    running = state;
    mp_vm_return_kind_t kind = __real_mp_execute_bytecode(state, inject);
    running = before;
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
}
