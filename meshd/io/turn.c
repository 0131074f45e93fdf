/*
 * Whose turn it is on a half-duplex channel, where nobody hears while he speaks:
 *
 *   silence for a turnaround ─► a random number of slots ─► one burst of frames
 *        ▲                        │ somebody spoke                 │
 *        └────────────────────────┴────────────────────────────────┘
 *
 * A slot is the time after which others hear that one has begun: the radio's
 * turnaround and a few bytes. Who has just spoken draws behind all others, so
 * that whoever waits comes next. Rubbish on the channel means that two drew the
 * same slot: the window doubles, and narrows with each frame that came whole.
 */
#include "meshd/io/line.h"

#include <string.h>

#define AHEAD_US 2000 /* the loop wakes us a little late */
#define BURST_US SECOND_US /* or one frame */
#define SLOT_BYTES 10
#define WINDOW_MIN 4
#define WINDOW_MAX 32

static uint64_t airtime_us(const struct turn *t, size_t bytes)
{
	return (uint64_t)bytes * 8 * SECOND_US / t->rate_bps;
}

void turn_init(struct turn *t, uint64_t rate_bps, bool is_half_duplex, uint64_t turnaround_us)
{
	memset(t, 0, sizeof(*t));
	t->is_half_duplex = is_half_duplex;
	t->rate_bps = rate_bps;
	t->turnaround_us = turnaround_us;
	t->slot_us = turnaround_us + airtime_us(t, SLOT_BYTES);
	t->window = WINDOW_MIN;
}

void turn_heard(struct turn *t, uint64_t now_us)
{
	t->heard_us = now_us;
	t->burst_us = 0;
	t->is_asked = false;
}

void turn_heard_frame(struct turn *t, bool is_for_us)
{
	t->is_asked = is_for_us;
	if (t->window > WINDOW_MIN)
		t->window--;
}

void turn_heard_rubbish(struct turn *t)
{
	if (t->window < WINDOW_MAX)
		t->window *= 2;
}

void turn_sent(struct turn *t, uint64_t now_us, size_t bytes)
{
	/* After a silence it is another burst. */
	if (!t->burst_us || now_us > t->free_us + t->turnaround_us)
		t->burst_us = now_us;
	t->free_us = (t->free_us > now_us ? t->free_us : now_us) + airtime_us(t, bytes);
}

uint64_t turn_next_us(struct turn *t, uint64_t now_us, const struct random *random)
{
	uint64_t free_us = t->free_us > AHEAD_US ? t->free_us - AHEAD_US : 0;
	bool is_ours = t->burst_us && t->free_us >= t->heard_us;

	if (!t->is_half_duplex)
		return free_us;
	/* Our burst goes on while there is more: those who wait see no silence. */
	if (is_ours && now_us <= t->free_us && t->free_us - t->burst_us < BURST_US)
		return free_us;
	uint64_t silent_us = t->free_us > t->heard_us ? t->free_us : t->heard_us;
	if (!silent_us)
		return now_us;
	if (t->is_asked && !is_ours)
		return silent_us + t->turnaround_us;
	if (t->drawn_us != silent_us) {
		t->drawn_us = silent_us;
		t->slots = 1 + (is_ours ? t->window : 0) + (unsigned)random_below(random, t->window);
	}
	return silent_us + t->turnaround_us + t->slots * t->slot_us;
}
