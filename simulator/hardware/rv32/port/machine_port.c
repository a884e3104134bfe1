// `machine` of this port; included by extmod/modmachine.c.

#include <stdlib.h>
#include <unistd.h>

#include "hal.h"
#include "semihosting.h"

#define CAUSE_FILE "rtc"

void hal_reset(int cause) {
    char digit = '0' + cause;
    int file = host_open(CAUSE_FILE, WRITE);
    host_write(file, &digit, 1);
    host_close(file);
    exit(0); // who started the machine starts it again
}

// A machine that was switched off finds no file.
static mp_int_t mp_machine_reset_cause(void) {
    static char cause;
    if (cause == 0) {
        cause = '0' + RESET_POWER;
        int file = host_open(CAUSE_FILE, READ);
        if (file >= 0) {
            host_read(file, &cause, 1);
            host_close(file);
            host_remove(CAUSE_FILE);
        }
    }
    return cause - '0';
}

static void mp_machine_idle(void) {
    mp_event_wait_ms(1);
}

NORETURN static void mp_machine_reset(void) {
    hal_reset(RESET_HARD);
}

// The same on every machine.
static mp_obj_t machine_unique_id(void) {
    static const byte id[] = {0x02, 0x54, 0x53, 0, 0, 1};
    return mp_obj_new_bytes(id, sizeof id);
}
MP_DEFINE_CONST_FUN_OBJ_0(machine_unique_id_obj, machine_unique_id);

// A pin that leads nowhere: the boards of this machine have no lamp and no button.
typedef struct {
    mp_obj_base_t base;
    mp_obj_t id;
    mp_obj_t value;
} pin_t;

extern const mp_obj_type_t machine_pin_type;

static mp_obj_t pin_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *given) {
    enum { ID, MODE, PULL, VALUE };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_id, MP_ARG_REQUIRED | MP_ARG_OBJ },
        { MP_QSTR_mode, MP_ARG_OBJ, {.u_obj = MP_ROM_NONE} },
        { MP_QSTR_pull, MP_ARG_OBJ, {.u_obj = MP_ROM_NONE} },
        { MP_QSTR_value, MP_ARG_KW_ONLY | MP_ARG_OBJ, {.u_obj = MP_ROM_INT(1)} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all_kw_array(n_args, n_kw, given, MP_ARRAY_SIZE(allowed), allowed, args);
    pin_t *self = mp_obj_malloc(pin_t, type);
    self->id = args[ID].u_obj;
    self->value = args[VALUE].u_obj;
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t pin_value(size_t n_args, const mp_obj_t *args) {
    pin_t *self = MP_OBJ_TO_PTR(args[0]);
    if (n_args == 1) {
        return self->value;
    }
    self->value = MP_OBJ_NEW_SMALL_INT(mp_obj_is_true(args[1]));
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(pin_value_obj, 1, 2, pin_value);

static const mp_rom_map_elem_t pin_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_value), MP_ROM_PTR(&pin_value_obj) },
    { MP_ROM_QSTR(MP_QSTR_IN), MP_ROM_INT(1) },
    { MP_ROM_QSTR(MP_QSTR_OUT), MP_ROM_INT(3) },
    { MP_ROM_QSTR(MP_QSTR_PULL_UP), MP_ROM_INT(2) },
    { MP_ROM_QSTR(MP_QSTR_PULL_DOWN), MP_ROM_INT(1) },
};
static MP_DEFINE_CONST_DICT(pin_locals, pin_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    machine_pin_type, MP_QSTR_Pin, MP_TYPE_FLAG_NONE, make_new, pin_new, locals_dict, &pin_locals
    );

// The numbers of the ESP32 port.
#define MICROPY_PY_MACHINE_EXTRA_GLOBALS \
    { MP_ROM_QSTR(MP_QSTR_Pin), MP_ROM_PTR(&machine_pin_type) }, \
    { MP_ROM_QSTR(MP_QSTR_unique_id), MP_ROM_PTR(&machine_unique_id_obj) }, \
    { MP_ROM_QSTR(MP_QSTR_PWRON_RESET), MP_ROM_INT(RESET_POWER) }, \
    { MP_ROM_QSTR(MP_QSTR_HARD_RESET), MP_ROM_INT(RESET_HARD) }, \
    { MP_ROM_QSTR(MP_QSTR_WDT_RESET), MP_ROM_INT(RESET_WATCHDOG) }, \
    { MP_ROM_QSTR(MP_QSTR_DEEPSLEEP_RESET), MP_ROM_INT(RESET_DEEP_SLEEP) }, \
    { MP_ROM_QSTR(MP_QSTR_SOFT_RESET), MP_ROM_INT(RESET_SOFT) },
