// From the machine's start to `main.py`, in the order of MicroPython's ESP32 port.

#include <stdlib.h>

#include "py/compile.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/runtime.h"
#include "shared/readline/readline.h"
#include "shared/runtime/gchelper.h"
#include "shared/runtime/pyexec.h"

#include "hal.h"
#include "pool.h"
#include "semihosting.h"
#include "stats.h"

static void run_files(void) {
    pyexec_frozen_module("_boot.py", false);
    if (pyexec_file_if_exists("boot.py") & PYEXEC_FORCED_EXIT) {
        return;
    }
    if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL) {
        if (pyexec_file_if_exists("main.py") & PYEXEC_FORCED_EXIT) {
            return;
        }
    }
    while (pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() == 0 : pyexec_friendly_repl() == 0) {
    }
}

int main(void) {
    int top;
    stats_begin();
    pool_init();
    for (;;) {
        size_t size = host_number("heap", MICROPY_GC_INITIAL_HEAP_SIZE);
        void *heap = MP_PLAT_ALLOC_HEAP(size);
        if (heap == NULL) {
            mp_hal_stdout_tx_str("mp_task_heap allocation failed!\r\n");
            exit(1);
        }
        mp_cstack_init_with_top(&top, MICROPY_TASK_STACK_SIZE);
        gc_init(heap, (char *)heap + size);
        mp_init();
        MP_STATE_PORT(radio_handler) = MP_OBJ_NULL;
        readline_init0();
        run_files();
        mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
        gc_sweep_all();
        mp_deinit();
        pool_init();
    }
}

void gc_collect(void) {
    uint64_t from = cycles();
    gc_collect_start();
    gc_helper_collect_regs_and_stack();
    gc_collect_end();
    stats_collected(from);
}

void nlr_jump_fail(void *value) {
    mp_hal_stdout_tx_str("NLR jump failed\r\n");
    hal_reset(RESET_HARD);
}
