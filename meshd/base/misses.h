/* How many in a row may be missed before it means something (protocol.md 6.1). */
#ifndef MESHD_BASE_MISSES_H
#define MESHD_BASE_MISSES_H

#include <stdint.h>

#define MISSES_ALL UINT32_C(65536) /* of `lost`: nothing arrives */

/*
 * As many as make a false alarm once in a million seconds, where so many a second are sent (at
 * least one) and such a part of them is lost: r (1 - p) p^n <= 1e-6. Not fewer than `least`, but never
 * more than `most`.
 */
unsigned misses_needed(uint64_t rate, uint32_t lost, unsigned least, unsigned most);

#endif
