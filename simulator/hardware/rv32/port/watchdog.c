// The watchdog of `machine`; included by extmod/machine_wdt.c. Like a chip's it cannot be stopped.

#include "py/mphal.h"

#include "hal.h"

typedef struct _machine_wdt_obj_t {
    mp_obj_base_t base;
    uint64_t timeout_us;
    uint64_t due_us;
} machine_wdt_obj_t;

static machine_wdt_obj_t the_watchdog = {{&machine_wdt_type}, 0, UINT64_MAX};

static void mp_machine_wdt_feed(machine_wdt_obj_t *self) {
    self->due_us = hal_time_us() + self->timeout_us;
}

static machine_wdt_obj_t *mp_machine_wdt_make_new_instance(mp_int_t id, mp_int_t timeout_ms) {
    if (id != 0 || timeout_ms <= 0) {
        mp_raise_ValueError(NULL);
    }
    the_watchdog.timeout_us = (uint64_t)timeout_ms * 1000;
    mp_machine_wdt_feed(&the_watchdog);
    return &the_watchdog;
}

uint64_t hal_watchdog_due_us(void) {
    return the_watchdog.due_us;
}

void hal_watch(void) {
    if (the_watchdog.due_us != UINT64_MAX && hal_time_us() >= the_watchdog.due_us) {
        hal_reset(RESET_WATCHDOG);
    }
}
