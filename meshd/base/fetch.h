/*
 * Memory that will be needed is fetched while something else is done: where a table lies
 * in no cache, what hangs on pointers would be waited for one by one.
 */
#ifndef MESHD_BASE_FETCH_H
#define MESHD_BASE_FETCH_H

#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64 /* elsewhere another one: that costs speed and nothing else */

/* Every line of it. It need not be there. */
static inline void fetch(const void *at, size_t len)
{
	uintptr_t line = (uintptr_t)at & ~(uintptr_t)(CACHE_LINE - 1);

	for (uintptr_t end = (uintptr_t)at + len; line < end; line += CACHE_LINE)
		__builtin_prefetch((const void *)line);
}

#endif
