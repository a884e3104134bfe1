// What MicroPython is on this machine: the choices of its ESP32 port (ports/esp32/mpconfigport.h),
// as far as the firmware can tell them apart. What is left out is left out of the heap as well.

#include <alloca.h>
#include <stdint.h>

#define MICROPY_CONFIG_ROM_LEVEL            (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

// Memory, as on ESP32: 64 kB at first, then pieces as large as all before, out of one pool.
#define MICROPY_ENABLE_GC                   (1)
#define MICROPY_GC_INITIAL_HEAP_SIZE        (64 * 1024)
#define MICROPY_GC_SPLIT_HEAP               (1)
#define MICROPY_GC_SPLIT_HEAP_AUTO          (1)
#define MP_PLAT_ALLOC_HEAP(size)            pool_take(size)
#define MP_PLAT_FREE_HEAP(piece)            pool_give_back(piece)
#define MP_PLAT_COMMIT_EXEC(code, size, relocations) pool_commit(code, size, relocations)
#define MICROPY_TASK_STACK_SIZE             (16 * 1024)
#define MICROPY_STACK_CHECK_MARGIN          (1024)
#define MICROPY_ALLOC_PATH_MAX              (128)
#define MICROPY_MEM_STATS                   (0)

// The interpreter.
#define MICROPY_OPT_COMPUTED_GOTO           (1)
#define MICROPY_PERSISTENT_CODE_LOAD        (1)
#define MICROPY_EMIT_RV32                   (1)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_LONGINT_IMPL                (MICROPY_LONGINT_IMPL_MPZ)
#define MICROPY_FLOAT_IMPL                  (MICROPY_FLOAT_IMPL_FLOAT)
#define MICROPY_ERROR_REPORTING             (MICROPY_ERROR_REPORTING_NORMAL)
#define MICROPY_WARNINGS                    (1)
#define MICROPY_SCHEDULER_DEPTH             (8)
#define MICROPY_READER_VFS                  (1)
#define MICROPY_VFS                         (1)
#define MICROPY_HELPER_REPL                 (1)

// The modules.
#define MICROPY_PY_ALL_INPLACE_SPECIAL_METHODS (1)
#define MICROPY_PY_STR_BYTES_CMP_WARN       (1)
#define MICROPY_PY_IO_BUFFEREDWRITER        (1)
#define MICROPY_PY_ASYNCIO                  (1)
#define MICROPY_PY_SELECT                   (1)
#define MICROPY_PY_HASHLIB                  (1)
#define MICROPY_PY_HASHLIB_SHA256           (1)
#define MICROPY_PY_CRYPTOLIB                (0)
#define MICROPY_PY_TIME                     (1)
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (0)
#define MICROPY_PY_TIME_TIME_TIME_NS        (0)
#define MICROPY_PY_OS                       (1)
#define MICROPY_PY_OS_URANDOM               (1)
#define MICROPY_PY_OS_UNAME                 (0)
#define MICROPY_PY_OS_INCLUDEFILE           "port/os_port.c"
#define MICROPY_PY_MACHINE                  (1)
#define MICROPY_PY_MACHINE_RESET            (1)
#define MICROPY_PY_MACHINE_WDT              (1)
#define MICROPY_PY_MACHINE_WDT_INCLUDEFILE  "port/watchdog.c"
#define MICROPY_PY_MACHINE_INCLUDEFILE      "port/machine_port.c"
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC    (hal_random())
#define MICROPY_PY_SYS_PLATFORM             "qemu"
#define MICROPY_HW_BOARD_NAME               "QEMU virt"
#define MICROPY_HW_MCU_NAME                 "rv32imac"

// Events of the radio come between two bytecodes; see hal.c.
#define MICROPY_VM_HOOK_COUNT               (32)
#define MICROPY_VM_HOOK_INIT                static unsigned hook_turns;
#define MICROPY_VM_HOOK_POLL                if (++hook_turns % MICROPY_VM_HOOK_COUNT == 0) { hal_events(); }
#define MICROPY_VM_HOOK_LOOP                MICROPY_VM_HOOK_POLL
#define MICROPY_VM_HOOK_RETURN              MICROPY_VM_HOOK_POLL
#define MICROPY_INTERNAL_EVENT_HOOK         hal_events()
#define MICROPY_INTERNAL_WFE(ms)            hal_wait(ms)

#define MICROPY_MAKE_POINTER_CALLABLE(p)    ((void *)(p))
#define MP_NEED_LOG2                        (1)
#define MP_SSIZE_MAX                        (0x7fffffff)
#define UINT_FMT                            "%lu"
#define INT_FMT                             "%ld"
typedef int32_t mp_int_t;
typedef uint32_t mp_uint_t;
typedef long mp_off_t;

#define MP_STATE_PORT MP_STATE_VM

void *pool_take(unsigned size);
void pool_give_back(void *piece);
void *pool_commit(void *code, unsigned size, void *relocations);
void hal_events(void);
void hal_wait(int ms);
uint32_t hal_random(void);
