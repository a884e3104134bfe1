// `os.urandom`; included by extmod/modos.c.

#include "py/runtime.h"

#include "hal.h"

static mp_obj_t mp_os_urandom(mp_obj_t size_in) {
    vstr_t bytes;
    vstr_init_len(&bytes, mp_obj_get_int(size_in));
    for (size_t i = 0; i < bytes.len; ++i) {
        bytes.buf[i] = hal_random();
    }
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
