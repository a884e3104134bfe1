set(IDF_TARGET esp32c6)

# Of the port, as its own board has them.
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.c6
    boards/sdkconfig.ble
)

include(${CMAKE_CURRENT_LIST_DIR}/../../common/common.cmake)
