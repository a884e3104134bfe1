// QEMU's `virt` machine: its serial port, its clock, and sleep until either has news.

#include <stdint.h>
#include <unistd.h>

#include "py/mphal.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "shared/timeutils/timeutils.h"
#include "uart.h"

#include "hal.h"
#include "semihosting.h"
#include "stats.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define BYTE(address) (*(volatile uint8_t *)(address))

// hw/riscv/virt.c: the memory map and the interrupts of the machine.
#define CLINT_COMPARE (0x02004000)
#define CLINT_TIME (0x0200bff8)
#define TICKS_PER_US (10)
#define PLIC (0x0c000000)
#define PLIC_ENABLE (PLIC + 0x2000)
#define PLIC_CLAIM (PLIC + 0x200004)
#define CONSOLE_INTERRUPT (10)
#define PCI_INTERRUPT (32) // four of them
#define PCI_CONFIGURATION (0x30008000) // device 1
#define PCI_PORTS (0x03000000)
#define CONSOLE (0x10000000)
#define RADIO_PORTS (0x1000) // a place of our choice in the ports' window

// A 16550.
#define DATA (0)
#define INTERRUPTS (1) // RECEIVED
#define FIFO (2)
#define STATUS (5)
#define RECEIVED (0x01)

static const uintptr_t uarts[] = {
    [HAL_CONSOLE] = CONSOLE,
    [HAL_ASKING] = PCI_PORTS + RADIO_PORTS,
    [HAL_EVENTS] = PCI_PORTS + RADIO_PORTS + 8,
};

static void enable(unsigned interrupt) {
    REGISTER(PLIC + 4 * interrupt) = 1;
    REGISTER(PLIC_ENABLE + interrupt / 32 * 4) |= 1u << interrupt % 32;
}

static void open_port(uintptr_t uart) {
    BYTE(uart + FIFO) = 1;
    BYTE(uart + INTERRUPTS) = RECEIVED;
}

bool hal_has_radio(void) {
    return (REGISTER(PCI_CONFIGURATION) & 0xffff) != 0xffff;
}

// Called by MicroPython's startup code.
void uart_init(void) {
    enable(CONSOLE_INTERRUPT);
    open_port(CONSOLE);
    if (hal_has_radio()) {
        REGISTER(PCI_CONFIGURATION + 0x10) = RADIO_PORTS; // BAR 0
        REGISTER(PCI_CONFIGURATION + 0x04) |= 1;          // let it answer there
        for (unsigned i = 0; i < 4; ++i) {
            enable(PCI_INTERRUPT + i);
        }
        open_port(uarts[HAL_ASKING]);
        open_port(uarts[HAL_EVENTS]);
    }
    // Both kinds end a `wfi`; neither runs a handler, since mstatus.MIE stays 0.
    __asm volatile ("csrs mie, %0" :: "r" (1u << 11 | 1u << 7));
}

bool hal_readable(hal_port_t port) {
    return BYTE(uarts[port] + STATUS) & RECEIVED;
}

// Waiting for the other side is no work, even if another port has news and nothing sleeps.
uint8_t hal_read(hal_port_t port) {
    uint64_t from = cycles();
    while (!hal_readable(port)) {
        hal_wait(-1);
    }
    stats_idle(from);
    return BYTE(uarts[port] + DATA);
}

void hal_write(hal_port_t port, const void *data, size_t size) {
    for (const uint8_t *byte = data; size > 0; --size) {
        BYTE(uarts[port] + DATA) = *byte++; // QEMU takes it whatever the status says
    }
}

static bool has_news(void) {
    return hal_readable(HAL_CONSOLE)
           || (hal_has_radio() && (hal_readable(HAL_ASKING) || hal_readable(HAL_EVENTS)));
}

static uint64_t ticks(void) {
    uint32_t high, low;
    do {
        high = REGISTER(CLINT_TIME + 4);
        low = REGISTER(CLINT_TIME);
    } while (high != REGISTER(CLINT_TIME + 4));
    return (uint64_t)high << 32 | low;
}

static void wake_at(uint64_t tick) {
    REGISTER(CLINT_COMPARE + 4) = UINT32_MAX; // never earlier than asked for
    REGISTER(CLINT_COMPARE) = tick;
    REGISTER(CLINT_COMPARE + 4) = tick >> 32;
}

uint64_t hal_time_us(void) {
    return ticks() / TICKS_PER_US;
}

uint32_t hal_cycles(void) {
    uint32_t cycles;
    __asm volatile ("rdcycle %0" : "=r" (cycles));
    return cycles;
}

// Sleep until a byte has come, or for `ms`; for ever if that is below 0.
void hal_wait(int ms) {
    uint64_t end = ms < 0 ? UINT64_MAX : ticks() + (uint64_t)ms * 1000 * TICKS_PER_US;
    uint64_t look = hal_watchdog_due_us() * TICKS_PER_US;
    stats_store();
    if (has_news()) {
        return;
    }
    uint64_t asleep = cycles();
    wake_at(end < look ? end : look);
    __asm volatile ("wfi");
    uint32_t interrupt = REGISTER(PLIC_CLAIM);
    if (interrupt != 0) {
        REGISTER(PLIC_CLAIM) = interrupt; // else it stays pending, and no `wfi` would sleep
    }
    stats_idle(asleep);
    hal_watch();
}

void mp_hal_delay_us(mp_uint_t us) {
    for (uint64_t end = hal_time_us() + us; hal_time_us() < end;) {
        mp_event_handle_nowait();
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    for (uint64_t end = hal_time_us() + (uint64_t)ms * 1000, now; (now = hal_time_us()) < end;) {
        mp_event_wait_ms((end - now + 999) / 1000);
    }
}

// The console.

uintptr_t mp_hal_stdio_poll(uintptr_t wanted) {
    uintptr_t ready = MP_STREAM_POLL_WR; // as on ESP32: it always says so
    stats_turn();
    if (hal_readable(HAL_CONSOLE)) {
        ready |= MP_STREAM_POLL_RD;
    }
    return wanted & ready;
}

int mp_hal_stdin_rx_chr(void) {
    while (!hal_readable(HAL_CONSOLE)) {
        mp_event_wait_indefinite();
    }
    return hal_read(HAL_CONSOLE);
}

mp_uint_t mp_hal_stdout_tx_strn(const char *text, size_t size) {
    stats_spoke();
    hal_write(HAL_CONSOLE, text, size);
    return size;
}

uint32_t hal_random(void) {
    static int file;
    uint32_t value = 0;
    if (file <= 0) {
        file = host_open("/dev/urandom", READ);
    }
    if (host_read(file, &value, sizeof value) != sizeof value) {
        mp_raise_OSError(MP_EIO); // never a number that is not random
    }
    return value;
}
