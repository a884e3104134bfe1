"""Four kinds of phones. Each value has its source beside it; an estimate is called one."""

from __future__ import annotations

from typing import NamedTuple

from .standard import UPDATE_EVENTS


class PhoneProfile(NamedTuple):
    """How a phone's system scans, connects and serves an app that has the screen."""

    name: str
    scan_interval_ms: float  # one advertising channel after the other, this long each
    scan_window_ms: float  # listening time of each interval
    scan_starts_most: int  # starts of a scan that an app may make in `scan_starts_s`
    scan_starts_s: float  # a start beyond them hears nothing
    initiate_interval_ms: float  # as `scan_interval_ms`, while it connects
    initiate_window_ms: float  # as `scan_window_ms`, while it connects
    setup_failure: float  # share of the attempts that fail (GATT 133 and its like)
    setup_failure_ms: float  # from the attempt until the app is told
    setup_hang: float  # share of the attempts of which the app hears nothing until it gives up
    interval_ms: float  # connection interval granted first
    asked_interval_ms: float  # after the app asked for a fast one; the first where it cannot ask
    procedures: int  # of the link layer that the system runs one by one before an interval changes
    mtu: int  # that the phone offers
    mtu_by_itself: bool  # or else the app asks
    caches_table: bool  # of a receiver that it has seen before
    discovery_requests: int  # ATT requests of a discovery without a cached table
    discovery_later: int  # of these, those that come with the subscriptions alone
    discovery_interval_ms: float  # that the system takes for a discovery, and gives back after it
    supervision_ms: int  # silence after which a link is lost
    host_ms: float  # from the controller to the app, each event
    host_jitter_ms: float  # mean of what comes on top, exponential

    @property
    def change_ms(self) -> float:
        """Return how long after connecting an interval that is asked for at once holds."""
        return self.interval_ms * (self.procedures + UPDATE_EVENTS + 1)


PHONES = {
    phone.name: phone
    for phone in (
        PhoneProfile(
            name="ios",
            # 30 of 40 ms for an app in the foreground (electronics.stackexchange.com/q/82098, not
            # by Apple, whose advice of 20 ms and of odd intervals fits it: Accessory Design
            # Guidelines, "Advertising Interval").
            scan_interval_ms=40.0,
            scan_window_ms=30.0,
            # No limit is known.
            scan_starts_most=1000,
            scan_starts_s=30.0,
            # Not published; taken to be as its scan.
            initiate_interval_ms=40.0,
            initiate_window_ms=30.0,
            # Less than 2 % of 2016 to 2019 failed, link and exchange together (D. G. Young,
            # "Android's Bluetooth LE Reliability Problem", 2019); half of it to the set-up.
            setup_failure=0.01,
            # A link without an answer is dropped after six events (Vol 6 Part B 4.5.2), then
            # the system tells the app: estimate.
            setup_failure_ms=250.0,
            # `connect` never times out on iOS (CBCentralManager); a hang is not reported.
            setup_hang=0.0,
            # conn_itvl=24 at a NimBLE receiver (flutter_blue_plus #615).
            interval_ms=30.0,
            # An app cannot ask; a receiver may, in multiples of 15 ms (Accessory Design
            # Guidelines, "Connection Parameters"), and MicroPython has no call for it.
            asked_interval_ms=30.0,
            # Nothing changes, so nothing waits for them.
            procedures=0,
            # 185 by itself since iOS 10 (chrisc11/ble-guides, ios-mtu.md); newer ones offer more.
            mtu=185,
            mtu_by_itself=True,
            # Of any receiver, until Bluetooth is turned off: field knowledge, not documented.
            caches_table=True,
            # One service by UUID and the end, its characteristics and the end, three descriptors,
            # and the system's own look at 0x1801: counted for our table, estimate.
            discovery_requests=9,
            # Descriptors are looked for by `setNotifyValue` (CBPeripheral), not before.
            discovery_later=3,
            # As it is.
            discovery_interval_ms=30.0,
            # supervision_timeout=72 (flutter_blue_plus #615).
            supervision_ms=720,
            # Estimates: one hop from bluetoothd to the app.
            host_ms=3.0,
            host_jitter_ms=2.0,
        ),
        PhoneProfile(
            name="android-fast",
            # SCAN_MODE_LOW_LATENCY in today's AOSP: 100 of 100 ms (ScanUtil.kt).
            scan_interval_ms=100.0,
            scan_window_ms=100.0,
            # NUM_SCAN_DURATIONS_KEPT in EXCESSIVE_SCANNING_PERIOD_MS (AOSP AppScanStats.java).
            scan_starts_most=5,
            scan_starts_s=30.0,
            # kScanIntervalFast and kScanWindowFast (AOSP le_impl.h).
            initiate_interval_ms=60.0,
            initiate_window_ms=30.0,
            # GATT 133: 4.8 % of the attempts with one release of an app, 7.8 % with the one before
            # (boardsesh #4143, 2026).
            setup_failure=0.05,
            # Six silent events of 45 ms (Vol 6 Part B 4.5.2) and the stack: estimate.
            setup_failure_ms=350.0,
            # The stack gives up after 30 s (kCreateConnectionTimeoutMs): one in two hundred,
            # estimate.
            setup_hang=0.005,
            # 30 to 50 ms are asked for (kConnIntervalMin, kConnIntervalMax in le_impl.h); the
            # controller takes 45 (btferret #24) or 48.75 (NimBLE's logs, conn_itvl=39).
            interval_ms=45.0,
            # requestConnectionPriority(HIGH): 11.25 to 15 ms (AOSP config.xml,
            # gatt_high_priority_*_interval).
            asked_interval_ms=15.0,
            # Features and version: on a Galaxy Tab A7 Lite at an ESP32-S3 445 ms passed at 48.75 ms
            # until the first change held, which are nine events (rolling-door app's log, 2026).
            procedures=2,
            # From Android 14 on 517 whatever the app asks, but only once it asks (reference of
            # BluetoothGatt.requestMtu).
            mtu=517,
            mtu_by_itself=False,
            # Of bonded devices alone (AOSP bta_gattc_db_storage.cc), and no receiver is bonded; by
            # Database Hash only of devices from Bluetooth 5.1 on, and an ESP32-S3 is a 5.0 ("Device
            # LMP version 0x09 < Bluetooth 5.1", same log).
            caches_table=False,
            # Services 3, included 3, characteristics 6, descriptors 3: counted for our table of
            # three services, with the MTU raised before the seventh (AOSP bta_gattc_cache
            # discovers all of it).
            discovery_requests=15,
            # All of it at once.
            discovery_later=0,
            # AOSP's "fast connection parameter" (l2c_ble_conn_params.cc; btferret #24,
            # Android-BLE-Library #170).
            discovery_interval_ms=7.5,
            # kSupervisionTimeout 0x1f4 (AOSP le_impl.h).
            supervision_ms=5000,
            # Estimates: HCI, native stack, binder, the app's looper.
            host_ms=5.0,
            host_jitter_ms=5.0,
        ),
        PhoneProfile(
            name="android-balanced",
            # SCAN_MODE_BALANCED in today's AOSP: 183 of 730 ms (ScanUtil.kt).
            scan_interval_ms=730.0,
            scan_window_ms=183.0,
            # As android-fast, down to the failures.
            scan_starts_most=5,
            scan_starts_s=30.0,
            initiate_interval_ms=60.0,
            initiate_window_ms=30.0,
            setup_failure=0.05,
            setup_failure_ms=350.0,
            setup_hang=0.005,
            # conn_itvl=39 in NimBLE's logs.
            interval_ms=48.75,
            # As android-fast.
            asked_interval_ms=15.0,
            procedures=2,
            # As android-fast.
            mtu=517,
            mtu_by_itself=False,
            caches_table=False,
            discovery_requests=15,
            discovery_later=0,
            # As android-fast.
            discovery_interval_ms=7.5,
            supervision_ms=5000,
            # Estimates, as android-fast and a slower processor.
            host_ms=8.0,
            host_jitter_ms=8.0,
        ),
        PhoneProfile(
            name="android-old",
            # SCAN_MODE_LOW_LATENCY of Android 5, and of Samsung for long: 5 of 5 s (AOSP
            # ScanManager.java; 4096 ms from Android 7 on). One channel for five seconds.
            scan_interval_ms=5000.0,
            scan_window_ms=5000.0,
            # As android-fast, from Android 7 on.
            scan_starts_most=5,
            scan_starts_s=30.0,
            # BTM_BLE_SCAN_FAST_INT and _WIN (Bluedroid btm_ble_api.h).
            initiate_interval_ms=60.0,
            initiate_window_ms=30.0,
            # 20 % of 2016 to 2019 failed, link and exchange together (D. G. Young, as ios); three
            # quarters of it to the set-up.
            setup_failure=0.15,
            # As android-fast, and a slower stack.
            setup_failure_ms=600.0,
            # As android-fast, and more often: estimate.
            setup_hang=0.02,
            # conn_interval 40 (a Huawei P10 lite, Nordic's Android-BLE-Library #78).
            interval_ms=50.0,
            # As android-fast; the call exists from Android 5 on.
            asked_interval_ms=15.0,
            procedures=2,
            # The app asks for 517 and gets the receiver's.
            mtu=517,
            mtu_by_itself=False,
            # Of any device, by its address (Bluedroid bta_gattc_cache.c, gatt_cache_*).
            caches_table=True,
            # As android-fast.
            discovery_requests=15,
            # As android-fast.
            discovery_later=0,
            # As android-fast (Bluedroid l2c_ble.c).
            discovery_interval_ms=7.5,
            # BTM_BLE_CONN_TIMEOUT_DEF (500 in Bluedroid); 20 s after a change of priority, in some.
            supervision_ms=5000,
            # Estimates.
            host_ms=15.0,
            host_jitter_ms=15.0,
        ),
    )
}
