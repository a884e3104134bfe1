// QEMU's semihosting: files of the host, below the folder in which it was started.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum { READ = 1, UPDATE = 3, WRITE = 5 } host_mode_t; // fopen's "rb", "r+b", "wb"

int host_open(const char *path, host_mode_t mode); // below 0 if that fails
void host_close(int file);
bool host_seek(int file, size_t offset);
size_t host_read(int file, void *data, size_t size); // returns how much was read
bool host_write(int file, const void *data, size_t size);
int host_length(int file);
bool host_rename(const char *old, const char *new);
bool host_remove(const char *path);
// What `-semihosting-config arg=NAME=VALUE` gave, or NULL.
const char *host_argument(const char *name);
size_t host_number(const char *name, size_t without); // the same as a number
