# What all boards share: included by their mpconfigboard.cmake, after the port's own settings.

get_filename_component(TILLSIGN_IMAGE ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

# A path in a fragment would be relative to the port's folder: write the table's absolute one.
file(WRITE ${CMAKE_BINARY_DIR}/sdkconfig.partitions
    "CONFIG_PARTITION_TABLE_CUSTOM_FILENAME=\"${TILLSIGN_IMAGE}/partitions.csv\"\n"
)

list(APPEND SDKCONFIG_DEFAULTS
    ${TILLSIGN_IMAGE}/common/sdkconfig.nimble
    ${TILLSIGN_IMAGE}/common/sdkconfig.receiver
    ${CMAKE_BINARY_DIR}/sdkconfig.partitions
)

# As CONFIG_BT_NIMBLE_ATT_MAX_PREP_ENTRIES, for versions of ESP-IDF whose esp_nimble_cfg.h has 64 instead: it
# keeps what the command line of the compiler says.
add_compile_definitions(MYNEWT_VAL_BLE_ATT_SVR_MAX_PREP_ENTRIES=1)

set(MICROPY_FROZEN_MANIFEST ${TILLSIGN_IMAGE}/manifest_esp32.py)
