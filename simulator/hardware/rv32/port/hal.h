#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The serial line, and the radio's two streams on a PCI card with two ports.
typedef enum { HAL_CONSOLE, HAL_ASKING, HAL_EVENTS } hal_port_t;

bool hal_has_radio(void);
bool hal_readable(hal_port_t port);
uint8_t hal_read(hal_port_t port); // waits for it
void hal_write(hal_port_t port, const void *data, size_t size);

// `machine.WDT` (watchdog.c).
uint64_t hal_watchdog_due_us(void); // UINT64_MAX while it is off
void hal_watch(void);               // reset the machine if it is due

// The cause of a reset, kept by the host as a chip keeps it in its RTC (machine_port.c).
enum { RESET_POWER = 1, RESET_HARD, RESET_WATCHDOG, RESET_DEEP_SLEEP, RESET_SOFT };
void hal_reset(int cause) __attribute__((noreturn));
