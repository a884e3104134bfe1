// `radiostream`: the two streams between `bluetooth` (simulator/hardware/micropython) and the radio.
//
// A question and its answer are one step for the interpreter, as a call of NimBLE is on a chip:
// an event's handler may ask while the program waits for nothing.

#include <string.h>

#include "py/mperrno.h"
#include "py/runtime.h"

#include "hal.h"

#define ANSWER_MOST (1024) // as in bluetooth.py

MP_REGISTER_ROOT_POINTER(mp_obj_t radio_handler);

static bool scheduled;

static void send(hal_port_t port, mp_obj_t code_in, mp_obj_t body_in) {
    mp_buffer_info_t body;
    mp_get_buffer_raise(body_in, &body, MP_BUFFER_READ);
    size_t length = body.len + 1;
    uint8_t head[] = {length, length >> 8, mp_obj_get_int(code_in)};
    hal_write(port, head, sizeof head);
    hal_write(port, body.buf, body.len);
}

// Receive one frame into `body`; return its code, and the length of what is in `body`.
static uint8_t receive(hal_port_t port, uint8_t *body, size_t most, size_t *length) {
    size_t size = hal_read(port);
    size |= hal_read(port) << 8;
    if (size == 0 || size - 1 > most) {
        mp_raise_OSError(MP_ENODEV);
    }
    uint8_t code = hal_read(port);
    *length = size - 1;
    for (size_t i = 0; i < *length; ++i) {
        body[i] = hal_read(port);
    }
    return code;
}

static mp_obj_t radio_ask(mp_obj_t code_in, mp_obj_t body_in) {
    static uint8_t answer[ANSWER_MOST];
    size_t length;
    send(HAL_ASKING, code_in, body_in);
    receive(HAL_ASKING, answer, sizeof answer, &length);
    int error = (int16_t)(answer[0] | answer[1] << 8);
    if (error != 0) {
        mp_raise_OSError(error);
    }
    return mp_obj_new_bytes(answer + 2, length - 2);
}
static MP_DEFINE_CONST_FUN_OBJ_2(radio_ask_obj, radio_ask);

static mp_obj_t radio_tell(mp_obj_t code_in, mp_obj_t body_in) {
    send(HAL_EVENTS, code_in, body_in);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(radio_tell_obj, radio_tell);

static mp_obj_t radio_waiting(void) {
    return mp_obj_new_bool(hal_readable(HAL_EVENTS));
}
static MP_DEFINE_CONST_FUN_OBJ_0(radio_waiting_obj, radio_waiting);

static mp_obj_t radio_hear(mp_obj_t body_in) {
    mp_buffer_info_t body;
    mp_get_buffer_raise(body_in, &body, MP_BUFFER_WRITE);
    size_t length;
    return MP_OBJ_NEW_SMALL_INT(receive(HAL_EVENTS, body.buf, body.len, &length));
}
static MP_DEFINE_CONST_FUN_OBJ_1(radio_hear_obj, radio_hear);

static mp_obj_t radio_connect(mp_obj_t number) {
    if (!hal_has_radio()) {
        mp_raise_OSError(MP_ENODEV);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(radio_connect_obj, radio_connect);

// From now on `handler` runs between two bytecodes whenever an event waits; return None, as there
// is no stream to wait for.
static mp_obj_t radio_stream(mp_obj_t handler) {
    MP_STATE_PORT(radio_handler) = handler;
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(radio_stream_obj, radio_stream);

static mp_obj_t handle(mp_obj_t handler) {
    scheduled = false;
    return mp_call_function_0(handler);
}
static MP_DEFINE_CONST_FUN_OBJ_1(handle_obj, handle);

void hal_events(void) {
    mp_obj_t handler = MP_STATE_PORT(radio_handler);
    hal_watch();
    if (handler != MP_OBJ_NULL && !scheduled && hal_readable(HAL_EVENTS)) {
        scheduled = mp_sched_schedule(MP_OBJ_FROM_PTR(&handle_obj), handler);
    }
}

static const mp_rom_map_elem_t radio_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_radiostream) },
    { MP_ROM_QSTR(MP_QSTR_connect), MP_ROM_PTR(&radio_connect_obj) },
    { MP_ROM_QSTR(MP_QSTR_ask), MP_ROM_PTR(&radio_ask_obj) },
    { MP_ROM_QSTR(MP_QSTR_tell), MP_ROM_PTR(&radio_tell_obj) },
    { MP_ROM_QSTR(MP_QSTR_waiting), MP_ROM_PTR(&radio_waiting_obj) },
    { MP_ROM_QSTR(MP_QSTR_hear), MP_ROM_PTR(&radio_hear_obj) },
    { MP_ROM_QSTR(MP_QSTR_stream), MP_ROM_PTR(&radio_stream_obj) },
};
static MP_DEFINE_CONST_DICT(radio_globals, radio_globals_table);

const mp_obj_module_t radiostream_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&radio_globals,
};
MP_REGISTER_MODULE(MP_QSTR_radiostream, radiostream_module);
