/*
 * The replay window: a ring of bits, one for each of the last REPLAY_WINDOW
 * counters below `head`; the counter modulo the ring's size is its place.
 * Moving the head clears exactly the places that change their meaning, so that
 * the window is never shorter than its name says.
 */
#include "crypto/crypto.h"

#include <assert.h>

static uint64_t *word_of(struct replay_window *w, uint64_t counter)
{
	return &w->bits[counter % REPLAY_WINDOW / 64];
}

static uint64_t mask_of(uint64_t counter)
{
	return UINT64_C(1) << counter % 64;
}

bool replay_would_accept(const struct replay_window *w, uint64_t counter)
{
	/* No honest sender goes there, and `head` must not wrap. */
	if (counter >= SESSION_COUNTER_MAX)
		return false;
	if (counter >= w->head)
		return true;
	if (w->head - counter > REPLAY_WINDOW)
		return false;
	return !(w->bits[counter % REPLAY_WINDOW / 64] & mask_of(counter));
}

/* Forgets what stood at the places of counters from `head` up to `counter`. */
static void head_advance(struct replay_window *w, uint64_t counter)
{
	uint64_t at = w->head;

	if (counter - at >= REPLAY_WINDOW)
		at = counter - REPLAY_WINDOW + 1;
	while (at <= counter) {
		if (at % 64 == 0 && counter - at >= 63) {
			*word_of(w, at) = 0;
			at += 64;
		} else {
			*word_of(w, at) &= ~mask_of(at);
			at++;
		}
	}
	w->head = counter + 1;
}

void replay_accept(struct replay_window *w, uint64_t counter)
{
	assert(replay_would_accept(w, counter));
	if (counter >= w->head)
		head_advance(w, counter);
	*word_of(w, counter) |= mask_of(counter);
}
