// What MicroPython leaves out of a receiver. The port's mpconfigport.h keeps what a board defines before it.
// Of v1.25.0 it cannot leave out `network`, `socket`, `ssl`, `websocket` and `webrepl`: it defines these itself.
// The manifest freezes none of their Python parts, and without Wi-Fi nothing calls their C parts.

// Bluetooth as the port has it, without the central role: a receiver neither scans nor connects. The whole group
// is ours then. The GATT client stays, as a receiver asks for the MTU; and pairing: a phone may try it, and it does
// no harm.
#define MICROPY_PY_BLUETOOTH                                    (1)
#define MICROPY_PY_BLUETOOTH_USE_SYNC_EVENTS                    (1)
#define MICROPY_PY_BLUETOOTH_USE_SYNC_EVENTS_WITH_INTERLOCK     (1)
#define MICROPY_PY_BLUETOOTH_SYNC_EVENT_STACK_SIZE              (CONFIG_BT_NIMBLE_TASK_STACK_SIZE - 1024)
#define MICROPY_PY_BLUETOOTH_ENABLE_CENTRAL_MODE                (0)
#define MICROPY_PY_BLUETOOTH_ENABLE_GATT_CLIENT                 (1)
#define MICROPY_PY_BLUETOOTH_ENABLE_PAIRING_BONDING             (1)
#define MICROPY_BLUETOOTH_NIMBLE                                (1)
#define MICROPY_BLUETOOTH_NIMBLE_BINDINGS_ONLY                  (1)

// No Wi-Fi: no driver in the image, and none of its buffers in memory.
#define MICROPY_PY_NETWORK_WLAN     (0)
#define MICROPY_PY_ESPNOW           (0)

// No Ethernet.
#define MICROPY_PY_NETWORK_LAN      (0)

// Nothing on these pins: sound, analogue output, memory cards.
#define MICROPY_PY_MACHINE_I2S      (0)
#define MICROPY_PY_MACHINE_DAC      (0)
#define MICROPY_HW_ENABLE_SDCARD    (0)

// The heap's first piece; it doubles from there. Stock images begin with 56 or 64 kB in one piece, and a classic
// ESP32 with its radio on has none of 64: with 32 the firmware sells in two pieces of 47 and 38 kB (`make chip`).
#define MICROPY_GC_INITIAL_HEAP_SIZE    (32 * 1024)
