/* Small things that the tools of the demonstration share. Private to sim/demo/. */
#ifndef SIM_DEMO_TOOLS_H
#define SIM_DEMO_TOOLS_H

#include "meshd/base/bytes.h"

#define SECOND_US 1000000ull
#define MS_US 1000ull
/* Begins every packet of the test flow: if it is ever seen on a link, the link is not sealed. */
#define FLOW_MARKER "meshdemo-flow-01"

uint64_t now_us(void); /* CLOCK_MONOTONIC: one clock for all namespaces of the machine */
uint64_t wall_us(void); /* CLOCK_REALTIME: what captures are stamped with */
/* Says "meshdemo WHAT: reason" on stderr and returns 1, the exit status. */
__attribute__((format(printf, 1, 2))) int complain(const char *format, ...);
/* The whole file, malloced; at most `max` bytes. Length or a negative errno. */
long file_read(const char *path, size_t max, uint8_t **data);
int file_write(const char *path, struct bytes data); /* 0 or a negative errno */
/* "--name VALUE" among the arguments; NULL if it is not there. */
const char *option(int argc, char **argv, const char *name);

#endif
