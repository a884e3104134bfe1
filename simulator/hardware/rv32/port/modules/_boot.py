"""Mount the flash, as `_boot.py` of the ESP32 port does."""

import gc

import virt

if virt.flash_blocks():
    import vfs

    vfs.mount(vfs.VfsLfs2(virt.flash), "/")
gc.collect()
