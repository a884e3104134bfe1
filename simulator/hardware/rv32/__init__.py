"""A 32-bit machine that is a receiver: QEMU's RISC-V board with MicroPython, its heap a chip's."""
