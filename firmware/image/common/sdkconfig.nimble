# Bluetooth: four phones, and nothing else that a receiver does not do. After the port's own `sdkconfig.ble`.

# What a phone's list of devices shows, and the GAP service says; the port's name is "MPY ESP32".
CONFIG_BT_NIMBLE_SVC_GAP_DEVICE_NAME="Tillsign"

# `LINKS_MOST` in `receiver/protocol/gatt.py`. Each costs the controller about 1 kB.
CONFIG_BT_NIMBLE_MAX_CONNECTIONS=4

# Buffers that all links share for notifications, answers and prepared writes. The default of 12 lets one phone
# starve the others; 24 are six for each of four links: a request, its answer, and four notifications.
CONFIG_BT_NIMBLE_MSYS_1_BLOCK_COUNT=24

# A prepared write keeps a buffer until it is executed, and no message of ours needs one: with a single entry
# no phone can hoard buffers. Versions of ESP-IDF without this option take it from `common.cmake`.
CONFIG_BT_NIMBLE_ATT_MAX_PREP_ENTRIES=1

# A receiver is found and written to. It neither scans nor connects.
CONFIG_BT_NIMBLE_ROLE_CENTRAL=n
CONFIG_BT_NIMBLE_ROLE_OBSERVER=n

# Wi-Fi is never on, so nothing has to share the antenna in time.
CONFIG_ESP_COEX_SW_COEXIST_ENABLE=n
