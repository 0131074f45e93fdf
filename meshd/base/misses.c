/* See the header. */
#include "meshd/base/misses.h"

#define ONE_IN_A_MILLION 4295 /* of 2^32 */

unsigned misses_needed(uint64_t rate, uint32_t lost, unsigned least, unsigned most)
{
	/* In parts of 2^32. */
	uint64_t false_alarms = (rate ? rate : 1) * (MISSES_ALL - lost) * MISSES_ALL;
	unsigned n = 0;

	while (n < most && (n < least || false_alarms > ONE_IN_A_MILLION)) {
		false_alarms = false_alarms * lost / MISSES_ALL;
		n++;
	}
	return n;
}
