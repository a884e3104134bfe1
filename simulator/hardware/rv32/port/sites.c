// Where the program allocates, and an allocation that fails on purpose.
//
// A site is a bytecode of a function, the caller in C, and whether it is the first, second, third
// or a later allocation of that one bytecode. In a frozen image it is the same in every life.
//
// The host's file `armed` asks for a failure in this life: the visit that fails, how many new
// sites pass before it, which allocation after it fails as well (0: none), and the sites that have
// failed before (64 bits each). The file `failed` tells which site it was; then `armed` is gone, so
// that the next life starts unharmed.
//
// Only in an image built with SITES=1, whose linker sends every run of a function here (--wrap):
// it costs instructions, so that nothing else is measured with such an image.

#include "sites.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "py/bc.h"
#include "py/objfun.h"
#include "py/runtime.h"

#include "semihosting.h"
#include "stats.h"

#define ARMED "armed"
#define FAILED "failed"
#define FAILED_NEW "failed.new"
#define SITES_MOST (4096) // a power of two; the firmware has some 1,000
#define TURN_MOST (3)

typedef struct {
    uint64_t key; // 0 while the slot is free
    unsigned visits;
    bool has_failed;
} site_t;

static site_t sites[SITES_MOST];
// What `armed` asked for; no visit fails if that is 0.
static unsigned visit, passing, second;
static unsigned left; // until the second failure

static mp_code_state_t *running;
static const byte *last; // the bytecode of the last allocation,
static unsigned turn;    // and which of its allocations that was

mp_vm_return_kind_t __real_mp_execute_bytecode(mp_code_state_t *state, volatile mp_obj_t inject);

mp_vm_return_kind_t __wrap_mp_execute_bytecode(mp_code_state_t *state, volatile mp_obj_t inject) {
    mp_code_state_t *before = running;
    running = state;
    last = NULL;
    mp_vm_return_kind_t kind = __real_mp_execute_bytecode(state, inject);
    running = before;
    last = NULL;
    return kind;
}

static site_t *find(uint64_t key) {
    unsigned at = (uint32_t)(key ^ key >> 32) * 2654435761u >> 20;
    while (sites[at].key != key && sites[at].key != 0) {
        at = (at + 1) % SITES_MOST;
    }
    sites[at].key = key;
    return &sites[at];
}

static void read_armed(void) {
    int file = host_open(ARMED, READ);
    uint32_t head[3];
    uint64_t key;
    if (file < 0) {
        return;
    }
    if (host_read(file, head, sizeof head) == sizeof head) {
        visit = head[0];
        passing = head[1];
        second = head[2];
    }
    while (host_read(file, &key, sizeof key) == sizeof key) {
        find(key)->has_failed = true;
    }
    host_close(file);
}

static const char *text_of(const mp_obj_fun_bc_t *fun, qstr name) {
    #if MICROPY_EMIT_BYTECODE_USES_QSTR_TABLE
    name = fun->context->constants.qstr_table[name];
    #endif
    return qstr_str(name);
}

static const char *name_of(const mp_obj_fun_bc_t *fun) {
    const byte *ip = fun->bytecode;
    MP_BC_PRELUDE_SIG_DECODE(ip);
    MP_BC_PRELUDE_SIZE_DECODE(ip);
    return text_of(fun, mp_decode_uint_value(ip));
}

// The shim's allocations are no chip's: there the radio is C.
static bool is_firmware(void) {
    if (running == NULL) {
        return true;
    }
    const char *file = text_of(running->fun_bc, 0);
    return strcmp(file, "bluetooth.py") != 0 && strcmp(file, "radiowire.py") != 0;
}

static void tell(const site_t *site, size_t size) {
    char text[160];
    const mp_obj_fun_bc_t *fun = running ? running->fun_bc : NULL;
    int length = snprintf(text, sizeof text, "%08x%08x %s %s %d %u %u\n",
        (unsigned)(site->key >> 32), (unsigned)site->key,
        fun ? text_of(fun, 0) : "-", fun ? name_of(fun) : "-",
        fun ? running->ip - fun->bytecode : 0, (unsigned)size, site->visits);
    int file = host_open(FAILED_NEW, WRITE);
    host_write(file, text, length);
    host_close(file);
    host_remove(ARMED);
    host_rename(FAILED_NEW, FAILED);
}

bool sites_fail(size_t size, const void *caller) {
    static bool asked;
    if (!stats_has_spoken() || !is_firmware()) {
        return false;
    }
    if (!asked) {
        asked = true;
        read_armed();
    }
    if (left > 0) {
        left -= 1;
        return left == 0;
    }
    const byte *at = running ? running->ip : NULL;
    turn = at == last && at != NULL ? MIN(turn + 1, TURN_MOST) : 0;
    last = at;
    site_t *site = find((uint64_t)(uintptr_t)at << 32 | ((uintptr_t)caller << 2 | turn));
    site->visits += 1;
    if (visit == 0 || site->has_failed || site->visits != visit) {
        return false;
    }
    if (passing > 0) {
        passing -= 1;
        return false;
    }
    visit = 0;
    left = second;
    tell(site, size);
    return true;
}
