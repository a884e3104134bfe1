// What the machine has measured since its start, in instructions; `stats.json` of the host.

#include <stdbool.h>
#include <stdint.h>

void stats_begin(void);              // QEMU counts what passes before the first instruction, too
void stats_turn(void);               // the loop looks at the serial line: another turn begins
void stats_idle(uint64_t from);      // it slept from then until now: that does not count
void stats_collected(uint64_t from); // a collection began then and has ended
void stats_spoke(void);              // something was written to the serial line
bool stats_has_spoken(void);
void stats_allocated(void);          // or tried to be
void stats_failed(void);             // for lack of memory
void stats_store(void);              // write the file, if `stats=1` was given and it has changed
uint64_t cycles(void);               // instructions, without sleep

