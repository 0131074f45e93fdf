/* When this was built: in one object of its own, so that a commit does not make every other one new. */
#ifndef MESHD_BASE_BUILD_H
#define MESHD_BASE_BUILD_H

#include <stdint.h>

/* Seconds since 1970 of the last commit (SOURCE_DATE_EPOCH, if that is set): no clock is behind this and right. */
extern const uint64_t build_s;

#endif
