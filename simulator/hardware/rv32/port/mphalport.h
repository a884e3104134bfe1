#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/runtime/interrupt_char.h"

uint64_t hal_time_us(void);
uint32_t hal_cycles(void);

static inline mp_uint_t mp_hal_ticks_ms(void) {
    return hal_time_us() / 1000;
}

static inline mp_uint_t mp_hal_ticks_us(void) {
    return hal_time_us();
}

static inline mp_uint_t mp_hal_ticks_cpu(void) {
    return hal_cycles();
}

static inline uint64_t mp_hal_time_ns(void) {
    return hal_time_us() * 1000;
}

void mp_hal_set_interrupt_char(int c);
