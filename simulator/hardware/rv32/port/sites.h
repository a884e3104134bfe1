#include <stddef.h>

void sites_allocated(size_t size);
void sites_store(void);
