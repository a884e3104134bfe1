// `virt`: what only this machine has. The firmware uses none of it but the flash, through _boot.py.

#include <stdlib.h>
#include <unistd.h>

#include "extmod/vfs.h"
#include "py/mperrno.h"
#include "py/runtime.h"

#include "pool.h"
#include "semihosting.h"
#include "stats.h"

// The flash: a file of the host, named by `flash=PATH` on the command line.

#define BLOCK (4096)

static int flash = -1;

static int flash_file(void) {
    static bool opened;
    if (!opened) {
        opened = true;
        const char *path = host_argument("flash");
        flash = path == NULL ? -1 : host_open(path, UPDATE);
    }
    return flash;
}

static mp_obj_t flash_blocks(void) {
    int file = flash_file();
    return MP_OBJ_NEW_SMALL_INT(file < 0 ? 0 : host_length(file) / BLOCK);
}
static MP_DEFINE_CONST_FUN_OBJ_0(flash_blocks_obj, flash_blocks);

static void flash_seek(mp_obj_t block, size_t n_args, const mp_obj_t *args) {
    size_t offset = n_args > 3 ? mp_obj_get_int(args[3]) : 0;
    if (!host_seek(flash_file(), mp_obj_get_int(block) * BLOCK + offset)) {
        mp_raise_OSError(MP_EIO);
    }
}

static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    flash_seek(args[1], n_args, args);
    if (host_read(flash, buffer.buf, buffer.len) != buffer.len) {
        mp_raise_OSError(MP_EIO);
    }
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    flash_seek(args[1], n_args, args);
    if (!host_write(flash, buffer.buf, buffer.len)) {
        mp_raise_OSError(MP_EIO);
    }
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_writeblocks_obj, 3, 4, flash_writeblocks);

static mp_obj_t flash_ioctl(mp_obj_t self, mp_obj_t command, mp_obj_t argument) {
    switch (mp_obj_get_int(command)) {
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return flash_blocks();
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(BLOCK);
        default: // a file needs no erasure
            return MP_OBJ_NEW_SMALL_INT(0);
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

static const mp_rom_map_elem_t flash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(flash_locals, flash_locals_table);

MP_DEFINE_CONST_OBJ_TYPE(flash_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, locals_dict, &flash_locals);

static const mp_obj_base_t the_flash = {&flash_type};

// Measuring.

static mp_obj_t virt_cycles(void) {
    return mp_obj_new_int_from_ull(cycles());
}
static MP_DEFINE_CONST_FUN_OBJ_0(virt_cycles_obj, virt_cycles);

static mp_obj_t virt_pool(void) {
    mp_obj_t found[] = {
        MP_OBJ_NEW_SMALL_INT(pool_free()), MP_OBJ_NEW_SMALL_INT(pool_largest()),
        MP_OBJ_NEW_SMALL_INT(pool_least()), MP_OBJ_NEW_SMALL_INT(pool_native()),
    };
    return mp_obj_new_tuple(MP_ARRAY_SIZE(found), found);
}
static MP_DEFINE_CONST_FUN_OBJ_0(virt_pool_obj, virt_pool);

static mp_obj_t virt_end(mp_obj_t status) {
    exit(mp_obj_get_int(status));
}
static MP_DEFINE_CONST_FUN_OBJ_1(virt_end_obj, virt_end);

static const mp_rom_map_elem_t virt_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_virt) },
    { MP_ROM_QSTR(MP_QSTR_flash), MP_ROM_PTR(&the_flash) },
    { MP_ROM_QSTR(MP_QSTR_flash_blocks), MP_ROM_PTR(&flash_blocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_cycles), MP_ROM_PTR(&virt_cycles_obj) },
    { MP_ROM_QSTR(MP_QSTR_pool), MP_ROM_PTR(&virt_pool_obj) },
    { MP_ROM_QSTR(MP_QSTR_end), MP_ROM_PTR(&virt_end_obj) },
};
static MP_DEFINE_CONST_DICT(virt_globals, virt_globals_table);

const mp_obj_module_t virt_module = {
    .base = {&mp_type_module},
    .globals = (mp_obj_dict_t *)&virt_globals,
};
MP_REGISTER_MODULE(MP_QSTR_virt, virt_module);
