#include <stddef.h>

void pool_init(void);
size_t pool_free(void);
size_t pool_largest(void); // what one request could get
size_t pool_least(void);   // the least that was free since the start
size_t pool_native(void);  // bytes of native code
