// Where the program allocates, and an allocation that fails there (sites.c).

#include <stdbool.h>
#include <stddef.h>

bool sites_fail(size_t size, const void *caller); // this allocation, asked for by that C function?
