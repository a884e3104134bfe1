"""Every option that the images set, and where its name was read: data for `test_settings.py`.

ESP-IDF as it is on GitHub, by commit, or MicroPython v1.25.0, which sets the same option itself.
"""

from __future__ import annotations

_BT = "esp-idf components/bt"
NIMBLE = f"{_BT}/host/nimble/Kconfig.in at 168808248d247aa99526522b8e9b9cf9e21b5378"
ESP32 = f"{_BT}/controller/esp32/Kconfig.in at 002cd296e1a7081681bc792db8eeaa89bfa0e89d"
ESP32C3 = (
    f"{_BT}/controller/esp32c3/Kconfig.in at 539213f47a1fee57875161f64e3ca48443d72583"  # and S3
)
COEX = "esp-idf components/esp_coex/Kconfig at 16abaf069ed150c374d512b4376d5e930eb477b7"
SYSTEM = "esp-idf components/esp_system/Kconfig at 363bb453c65717c479144df7f4140a2bbb2fe26b"
PANIC = "esp-idf components/esp_system/Kconfig at 002cd296e1a7081681bc792db8eeaa89bfa0e89d"
_BOOT = "esp-idf components/bootloader"
LOADER = f"{_BOOT}/Kconfig.projbuild at 0021be424f75e9d7bb881dc56b405a66cdf5e8cc"
REPRODUCIBLE = "ESP-IDF Programming Guide v5.2.5, Reproducible Builds"
BASE = "micropython v1.25.0 ports/esp32/boards/sdkconfig.base"
OTA = "micropython v1.25.0 ports/esp32/boards/ESP32_GENERIC/sdkconfig.ota"
D2WD = "micropython v1.25.0 ports/esp32/boards/ESP32_GENERIC/sdkconfig.d2wd"
S3 = "micropython v1.25.0 ports/esp32/boards/ESP32_GENERIC_S3/sdkconfig.board"

NAMES = {
    "CONFIG_APP_REPRODUCIBLE_BUILD": REPRODUCIBLE,
    "CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE": LOADER,
    "CONFIG_BOOTLOADER_WDT_ENABLE": LOADER,
    "CONFIG_BTDM_CTRL_BLE_MAX_CONN": ESP32,
    "CONFIG_BTDM_CTRL_MODE_BLE_ONLY": ESP32,
    "CONFIG_BT_CTRL_BLE_MAX_ACT": ESP32C3,
    "CONFIG_BT_NIMBLE_ATT_MAX_PREP_ENTRIES": NIMBLE,
    "CONFIG_BT_NIMBLE_MAX_CONNECTIONS": NIMBLE,
    "CONFIG_BT_NIMBLE_MSYS_1_BLOCK_COUNT": NIMBLE,
    "CONFIG_BT_NIMBLE_ROLE_CENTRAL": NIMBLE,
    "CONFIG_BT_NIMBLE_ROLE_OBSERVER": NIMBLE,
    "CONFIG_BT_NIMBLE_SVC_GAP_DEVICE_NAME": NIMBLE,
    "CONFIG_COMPILER_OPTIMIZATION_CHECKS_SILENT": OTA,
    "CONFIG_COMPILER_OPTIMIZATION_PERF": OTA,
    "CONFIG_COMPILER_OPTIMIZATION_SIZE": OTA,
    "CONFIG_ESPTOOLPY_FLASHFREQ_80M": S3,
    "CONFIG_ESPTOOLPY_FLASHMODE_QIO": S3,
    "CONFIG_ESPTOOLPY_FLASHSIZE_4MB": BASE,
    "CONFIG_ESP_COEX_SW_COEXIST_ENABLE": COEX,
    "CONFIG_ESP_INT_WDT": SYSTEM,
    "CONFIG_ESP_SYSTEM_PANIC_PRINT_REBOOT": PANIC,
    "CONFIG_ESP_TASK_WDT_EN": SYSTEM,
    "CONFIG_ESP_TASK_WDT_INIT": SYSTEM,
    "CONFIG_ETH_USE_SPI_ETHERNET": D2WD,
    "CONFIG_LOG_DEFAULT_LEVEL_ERROR": BASE,
    "CONFIG_LOG_MAXIMUM_LEVEL_ERROR": D2WD,
    "CONFIG_LOG_MAXIMUM_LEVEL_INFO": D2WD,
    "CONFIG_LWIP_PPP_SUPPORT": BASE,
    "CONFIG_PARTITION_TABLE_CUSTOM": BASE,
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME": BASE,
}

# What receiver.h defines: micropython v1.25.0 ports/esp32/mpconfigport.h keeps each of these
# (`#ifndef`; for Bluetooth, around the whole group), and extmod/modbluetooth.h reads the group.
DEFINES = frozenset(
    {
        "MICROPY_PY_BLUETOOTH",
        "MICROPY_PY_BLUETOOTH_USE_SYNC_EVENTS",
        "MICROPY_PY_BLUETOOTH_USE_SYNC_EVENTS_WITH_INTERLOCK",
        "MICROPY_PY_BLUETOOTH_SYNC_EVENT_STACK_SIZE",
        "MICROPY_PY_BLUETOOTH_ENABLE_CENTRAL_MODE",
        "MICROPY_PY_BLUETOOTH_ENABLE_GATT_CLIENT",
        "MICROPY_PY_BLUETOOTH_ENABLE_PAIRING_BONDING",
        "MICROPY_BLUETOOTH_NIMBLE",
        "MICROPY_BLUETOOTH_NIMBLE_BINDINGS_ONLY",
        "MICROPY_PY_NETWORK_WLAN",
        "MICROPY_GC_INITIAL_HEAP_SIZE",
        "MICROPY_PY_ESPNOW",
        "MICROPY_PY_NETWORK_LAN",
        "MICROPY_PY_MACHINE_I2S",
        "MICROPY_PY_MACHINE_DAC",
        "MICROPY_HW_ENABLE_SDCARD",
    }
)
