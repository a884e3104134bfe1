// Arm's semihosting for RISC-V (riscv-semihosting 0.3): the call's number in a0, its block in a1.

#include "semihosting.h"

#include <string.h>

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE = 0x05,
    SYS_READ = 0x06,
    SYS_SEEK = 0x0a,
    SYS_FLEN = 0x0c,
    SYS_REMOVE = 0x0e,
    SYS_RENAME = 0x0f,
    SYS_GET_CMDLINE = 0x15,
};

static intptr_t call(uintptr_t number, const void *block) {
    register uintptr_t a0 __asm("a0") = number;
    register const void *a1 __asm("a1") = block;
    // The three instructions are the call's mark: uncompressed, and in one page.
    __asm volatile (
        ".option push\n"
        ".option norvc\n"
        ".balign 16\n"
        "slli zero, zero, 0x1f\n"
        "ebreak\n"
        "srai zero, zero, 7\n"
        ".option pop\n"
        : "+r" (a0) : "r" (a1) : "memory");
    return a0;
}

static intptr_t call3(uintptr_t number, uintptr_t a, uintptr_t b, uintptr_t c) {
    uintptr_t block[] = {a, b, c};
    return call(number, block);
}

int host_open(const char *path, host_mode_t mode) {
    return call3(SYS_OPEN, (uintptr_t)path, mode, strlen(path));
}

void host_close(int file) {
    call3(SYS_CLOSE, file, 0, 0);
}

bool host_seek(int file, size_t offset) {
    return call3(SYS_SEEK, file, offset, 0) == 0;
}

size_t host_read(int file, void *data, size_t size) {
    intptr_t missing = call3(SYS_READ, file, (uintptr_t)data, size);
    return missing < 0 ? 0 : size - missing;
}

bool host_write(int file, const void *data, size_t size) {
    return call3(SYS_WRITE, file, (uintptr_t)data, size) == 0;
}

int host_length(int file) {
    return call3(SYS_FLEN, file, 0, 0);
}

bool host_rename(const char *old, const char *new) {
    uintptr_t block[] = {(uintptr_t)old, strlen(old), (uintptr_t)new, strlen(new)};
    return call(SYS_RENAME, block) == 0;
}

bool host_remove(const char *path) {
    return call3(SYS_REMOVE, (uintptr_t)path, strlen(path), 0) == 0;
}

size_t host_number(const char *name, size_t without) {
    const char *text = host_argument(name);
    size_t number = 0;
    for (; text != NULL && *text >= '0' && *text <= '9'; ++text) {
        number = 10 * number + (*text - '0');
    }
    return number ? number : without;
}

const char *host_argument(const char *name) {
    static char line[512];
    size_t length = strlen(name);
    if (line[0] == 0) {
        uintptr_t block[] = {(uintptr_t)line, sizeof(line) - 1};
        if (call(SYS_GET_CMDLINE, block) != 0) {
            return NULL;
        }
        for (char *end = line; (end = strchr(end, ' ')) != NULL;) {
            *end++ = 0;
        }
    }
    for (const char *word = line; word < line + sizeof(line) - 1 && *word; word += strlen(word) + 1) {
        if (strncmp(word, name, length) == 0 && word[length] == '=') {
            return word + length + 1;
        }
    }
    return NULL;
}
