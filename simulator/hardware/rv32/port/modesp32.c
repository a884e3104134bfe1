// `esp32.NVS` with blobs: each is a file of the host, replaced whole.

#include <stdio.h>
#include <string.h>

#include "py/runtime.h"

#include "semihosting.h"

// ESP-IDF's errors, which MicroPython raises below 0.
#define NOT_FOUND (-0x1102)
#define INVALID_LENGTH (-0x110c)
#define NOT_ENOUGH_SPACE (-0x1105)
#define KEY_TOO_LONG (-0x1109)
#define NAME_MOST (15)

typedef struct {
    mp_obj_base_t base;
} nvs_t;

extern const mp_obj_type_t esp32_nvs_type;

static mp_obj_t nvs_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    return MP_OBJ_FROM_PTR(mp_obj_malloc(nvs_t, type));
}

static const char *key_of(mp_obj_t key_in) {
    const char *key = mp_obj_str_get_str(key_in);
    if (strlen(key) > NAME_MOST) {
        mp_raise_OSError(KEY_TOO_LONG);
    }
    return key;
}

static mp_obj_t nvs_set_blob(mp_obj_t self_in, mp_obj_t key_in, mp_obj_t value_in) {
    const char *key = key_of(key_in);
    char unfinished[NAME_MOST + sizeof(".new")];
    mp_buffer_info_t value;
    mp_get_buffer_raise(value_in, &value, MP_BUFFER_READ);
    snprintf(unfinished, sizeof unfinished, "%s.new", key);
    int file = host_open(unfinished, WRITE);
    bool written = file >= 0 && host_write(file, value.buf, value.len);
    if (file >= 0) {
        host_close(file);
    }
    if (!written || !host_rename(unfinished, key)) {
        mp_raise_OSError(NOT_ENOUGH_SPACE);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(nvs_set_blob_obj, nvs_set_blob);

static mp_obj_t nvs_get_blob(mp_obj_t self_in, mp_obj_t key_in, mp_obj_t value_in) {
    int file = host_open(key_of(key_in), READ);
    if (file < 0) {
        mp_raise_OSError(NOT_FOUND);
    }
    mp_buffer_info_t value;
    mp_get_buffer_raise(value_in, &value, MP_BUFFER_WRITE);
    size_t length = host_length(file);
    bool fits = length <= value.len;
    bool whole = fits && host_read(file, value.buf, length) == length;
    host_close(file);
    if (!whole) {
        mp_raise_OSError(INVALID_LENGTH);
    }
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_3(nvs_get_blob_obj, nvs_get_blob);

static mp_obj_t nvs_erase_key(mp_obj_t self_in, mp_obj_t key_in) {
    if (!host_remove(key_of(key_in))) {
        mp_raise_OSError(NOT_FOUND);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_2(nvs_erase_key_obj, nvs_erase_key);

static mp_obj_t nvs_commit(mp_obj_t self_in) {
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(nvs_commit_obj, nvs_commit);

static const mp_rom_map_elem_t nvs_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_get_blob), MP_ROM_PTR(&nvs_get_blob_obj) },
    { MP_ROM_QSTR(MP_QSTR_set_blob), MP_ROM_PTR(&nvs_set_blob_obj) },
    { MP_ROM_QSTR(MP_QSTR_erase_key), MP_ROM_PTR(&nvs_erase_key_obj) },
    { MP_ROM_QSTR(MP_QSTR_commit), MP_ROM_PTR(&nvs_commit_obj) },
};
static MP_DEFINE_CONST_DICT(nvs_locals, nvs_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(
    esp32_nvs_type, MP_QSTR_NVS, MP_TYPE_FLAG_NONE, make_new, nvs_new, locals_dict, &nvs_locals
    );

static const mp_rom_map_elem_t esp32_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_esp32) },
    { MP_ROM_QSTR(MP_QSTR_NVS), MP_ROM_PTR(&esp32_nvs_type) },
};
static MP_DEFINE_CONST_DICT(esp32_globals, esp32_globals_table);

const mp_obj_module_t esp32_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&esp32_globals,
};
MP_REGISTER_MODULE(MP_QSTR_esp32, esp32_module);
