/*
 * What clocks say, for people: the times of a report are as good as they are. Neighbours
 * tell each other, and who is apart from most of them says so. Nothing else follows from it:
 * the least time that a node believes in (protocol.md 5) moves on no peer's word.
 *
 *   CLOCK   seconds since 1970, 4      to neighbours that are up: at once, when ours was set, and now and then
 */
#include "meshd/node/state.h"

#include <stdlib.h>

#define AGAIN_US (15 * 60 * SECOND)
#define STEP_S 30 /* ours was set */
#define APART_S 120 /* less may be the time that a thin link takes */

static int64_t seconds_of(uint64_t now_us)
{
	return (int64_t)(now_us / SECOND);
}

void clock_tell(struct peer *p, uint64_t now_us)
{
	uint8_t room[1 + 4];
	struct writer w = writer_of(room, sizeof(room));
	struct node *n = p->n;
	int64_t date_s = n->clock_base_s + seconds_of(now_us);
	uint64_t again_us;

	if (!n->has_clock || !peer_is_told_of(p, CAPABILITY_CLOCK))
		return;
	write_u8(&w, CONTROL_CLOCK);
	write_u32(&w, date_s < 0 ? 0 : date_s < UINT32_MAX ? (uint32_t)date_s : UINT32_MAX);
	control_say(p, now_us, BABEL_NEED_ROUTINE, writer_bytes(&w), &again_us);
}

static void clock_tell_all(struct node *n, uint64_t now_us)
{
	for (struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p))
		clock_tell(p, now_us);
	timer_set(&n->heap, &n->clock, now_us + AGAIN_US);
}

void clock_due(struct timer *timer, uint64_t now_us)
{
	clock_tell_all(container_of(timer, struct node, clock), now_us);
}

void clock_in(struct peer *p, uint64_t now_us, struct reader *r)
{
	uint32_t date_s = read_u32(r);

	if (!reader_ok(r)) {
		DROP(p->n, p->link, control_malformed);
		return;
	}
	p->has_clock = true;
	p->clock_base_s = (int64_t)date_s - seconds_of(now_us);
}

void node_clock_set(struct node *n, uint64_t now_us, uint64_t unix_s)
{
	int64_t base_s = (int64_t)(unix_s < INT64_MAX ? unix_s : INT64_MAX) - seconds_of(now_us);
	bool is_step = !n->has_clock || llabs(base_s - n->clock_base_s) >= STEP_S;

	n->now_us = now_us;
	n->has_clock = true;
	n->clock_base_s = base_s;
	if (is_step)
		clock_tell_all(n, now_us);
}

/* --- judging ---------------------------------------------------------------------------------- */

/* Whose clock is wrong by itself, before what must have been or after its certificate's end, is no witness. */
static bool is_witness(const struct peer *p, uint64_t now_us)
{
	int64_t date_min = (p->clock_base_s + seconds_of(now_us)) / 60;

	return p->has_clock && p->is_up && !p->is_silent && date_min >= (int64_t)p->n->time_floor.t_lo &&
	       date_min <= (int64_t)p->certificate->not_after;
}

static int ahead_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* In order. */
static unsigned aheads_of(const struct node *n, uint64_t now_us, int64_t aheads_s[NODE_PEER_MAX])
{
	unsigned count = 0;

	for (const struct peer *p = peer_next(n, NULL); p; p = peer_next(n, p))
		if (is_witness(p, now_us) && count < NODE_PEER_MAX)
			aheads_s[count++] = n->clock_base_s - p->clock_base_s;
	qsort(aheads_s, count, sizeof(aheads_s[0]), ahead_compare);
	return count;
}

/* Of two, the one that is nearer to ours. */
static int64_t middle_of(const int64_t *aheads_s, unsigned count)
{
	if (!count)
		return 0;
	int64_t a = aheads_s[(count - 1) / 2], b = aheads_s[count / 2];
	return llabs(a) < llabs(b) ? a : b;
}

struct node_clock node_clock(const struct node *n, uint64_t now_us)
{
	int64_t aheads_s[NODE_PEER_MAX] = { 0 }, date_s = n->clock_base_s + seconds_of(now_us);
	struct node_clock clock = { .state = NODE_CLOCK_GOOD, .date_s = date_s };

	if (!n->has_clock)
		return clock;
	clock.witnesses = aheads_of(n, now_us, aheads_s);
	for (unsigned i = 0; i < clock.witnesses; i++)
		clock.apart += llabs(aheads_s[i]) > APART_S;
	clock.ahead_s = middle_of(aheads_s, clock.witnesses);
	if (date_s / 60 < (int64_t)n->time_floor.t_lo)
		clock.state = NODE_CLOCK_UNSET;
	else if (date_s / 60 > (int64_t)n->enrolment.certificate.not_after)
		clock.state = NODE_CLOCK_PAST;
	else if (llabs(clock.ahead_s) > APART_S)
		clock.state = NODE_CLOCK_APART;
	return clock;
}
