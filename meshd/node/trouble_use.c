/* What is counted, over the last minute (trouble.h). */
#include "meshd/node/trouble.h"

#include <string.h>

#define LOOK_LEAST_US 4000000ull
_Static_assert(USE_LOOKS *LOOK_LEAST_US > USE_SPAN_US, "the looks of a minute have room");

static const struct use_look *look_last(const struct use *u)
{
	return u->next ? &u->looks[(u->next - 1) % USE_LOOKS] : NULL;
}

void use_note(struct use *u, uint64_t now_us, const uint64_t counts[USE_KINDS])
{
	const struct use_look *last = look_last(u);

	for (unsigned i = 0; last && i < USE_KINDS; i++)
		if (counts[i] < last->counts[i])
			*u = (struct use){ 0 }, last = NULL;
	if (last && now_us < last->at_us + LOOK_LEAST_US)
		return;
	struct use_look *look = &u->looks[u->next++ % USE_LOOKS];
	look->at_us = now_us;
	memcpy(look->counts, counts, sizeof(look->counts));
}

/* Between the last look and the oldest that is not more than a minute before it. */
uint64_t use_over(const struct use *u, uint64_t grown[USE_KINDS])
{
	const struct use_look *last = look_last(u), *first = last;
	unsigned kept = u->next < USE_LOOKS ? u->next : USE_LOOKS;

	for (unsigned i = 0; i < kept; i++) {
		const struct use_look *look = &u->looks[i];

		if (look->at_us < first->at_us && last->at_us - look->at_us <= USE_SPAN_US)
			first = look;
	}
	if (!last || last->at_us - first->at_us < USE_SPAN_LEAST_US)
		return 0;
	for (unsigned i = 0; i < USE_KINDS; i++)
		grown[i] = last->counts[i] - first->counts[i];
	return last->at_us - first->at_us;
}
