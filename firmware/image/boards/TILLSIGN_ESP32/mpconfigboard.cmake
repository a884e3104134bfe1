set(IDF_TARGET esp32)

# Of the port, as its own board has them, without PSRAM.
set(SDKCONFIG_DEFAULTS
    boards/sdkconfig.base
    boards/sdkconfig.ble
)

include(${CMAKE_CURRENT_LIST_DIR}/../../common/common.cmake)
list(APPEND SDKCONFIG_DEFAULTS ${CMAKE_CURRENT_LIST_DIR}/sdkconfig.board)
