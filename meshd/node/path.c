#include "meshd/node/path.h"

#define MS 1000ull
#define SECOND 1000000ull
#define CONFIRM_US (5 * SECOND) /* large frames in use are vouched for so often ... */
#define CONFIRM_COSTS 400 /* ... and for a four-hundredth of the link at most */
#define RAISE_US (120 * SECOND) /* a larger size is looked for so often ... */
#define RAISE_COSTS 4000 /* ... with some fifteen probes */
#define TIMEOUT_MIN_US (1 * SECOND)
#define TIMEOUT_MAX_US (4 * SECOND)
#define TIMEOUT_US (2 * SECOND) /* while the round trip is not known */
#define GRACE_US (500 * MS)

/* --- times ---------------------------------------------------------------------------- */

static uint64_t longer(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t timeout_us(const struct path *p)
{
	uint64_t us = p->rtt_us ? 2ull * p->rtt_us + GRACE_US : TIMEOUT_US;

	us = us < TIMEOUT_MAX_US ? us : TIMEOUT_MAX_US;
	return longer(us, TIMEOUT_MIN_US) + 2 * p->cost_us;
}

static uint64_t confirm_us(const struct path *p)
{
	return longer(CONFIRM_US, CONFIRM_COSTS * p->cost_us);
}

static uint64_t raise_us(const struct path *p)
{
	return longer(RAISE_US, RAISE_COSTS * p->cost_us);
}

/* --- what is looked at ------------------------------------------------------------------- */

/* Of a search: all at once first, then the base, then halves of what is left; 0: it has come to its end. */
static size_t candidate(const struct path *p)
{
	size_t known = p->low ? p->low : PATH_MIN;

	if (p->high > p->max)
		return p->max;
	if (!p->low)
		return p->high > PATH_BASE ? PATH_BASE : p->high > PATH_MIN ? PATH_MIN : 0;
	return p->high > known + PATH_GRAIN ? (known + p->high) / 2 : 0;
}

/* Settled: what is in use is vouched for, and more is looked for, in their time. */
static void rest(struct path *p, uint64_t now_us)
{
	p->due_us = now_us + confirm_us(p);
	if (p->size < p->max && p->raise_us < p->due_us)
		p->due_us = p->raise_us;
}

static void search(struct path *p, uint64_t now_us, size_t low, size_t high)
{
	p->is_searching = true;
	p->low = low;
	p->high = high;
	p->probe = 0;
	p->tries = 0;
	p->due_us = now_us;
}

static void settle(struct path *p, uint64_t now_us)
{
	p->is_searching = false;
	p->is_settled = true;
	p->probe = 0;
	p->tries = 0;
	p->raise_us = now_us + raise_us(p);
	rest(p, now_us);
}

/* No larger than that, for now. */
static void limit(struct path *p, size_t most)
{
	p->size = most > PATH_BASE ? PATH_BASE : PATH_MIN;
	if (p->size > p->max)
		p->size = p->max;
}

/* All tries at a size were in vain. */
static void failed(struct path *p, uint64_t now_us)
{
	size_t size = p->probe;

	if (!p->is_searching) {
		/* A black hole: nothing that was known before is. */
		p->is_settled = false;
		limit(p, size - 1);
		search(p, now_us, 0, size);
		return;
	}
	p->high = size;
	p->probe = 0;
	p->tries = 0;
	if (p->size >= size)
		limit(p, size - 1);
}

void path_begin(struct path *p, uint64_t now_us, size_t max, uint64_t cost_us)
{
	*p = (struct path){ .max = max, .cost_us = cost_us };
	limit(p, max);
	search(p, now_us, 0, max + 1);
}

void path_doubt(struct path *p, uint64_t now_us)
{
	if (p->is_searching)
		return;
	p->probe = 0;
	p->tries = 0;
	p->confirmed_us = 0;
	p->used_us = now_us;
	p->due_us = now_us;
}

void path_used(struct path *p, uint64_t now_us, size_t size)
{
	if (size > PATH_MIN)
		p->used_us = now_us;
}

/* What is to be probed now, when nothing is under way; 0: nothing. */
static size_t choose(struct path *p, uint64_t now_us)
{
	size_t size;

	if (!p->is_searching && now_us >= p->raise_us && p->size < p->max)
		search(p, now_us, p->size, p->max + 1);
	if (p->is_searching) {
		size = candidate(p);
		if (size)
			return size;
		settle(p, now_us);
		return 0;
	}
	rest(p, now_us);
	/* Nothing large was sent since: nothing large was lost. */
	return p->used_us > p->confirmed_us && now_us < p->used_us + 2 * confirm_us(p) ? p->size : 0;
}

size_t path_next(struct path *p, uint64_t now_us, uint64_t heard_us, uint16_t id)
{
	if (now_us < p->due_us)
		return 0;
	/* Sent while it was silent, it says nothing: that try is repeated. */
	if (p->probe && p->tries && heard_us <= p->sent_us)
		p->tries--;
	if (p->probe && p->tries >= (p->is_searching ? PATH_TRIES : PATH_CONFIRM_TRIES))
		failed(p, now_us);
	if (!p->probe) {
		p->probe = choose(p, now_us);
		p->id = id; /* of all tries: an answer may be late */
	}
	if (!p->probe)
		return 0;
	p->tries++;
	p->sent_us = now_us;
	p->due_us = now_us + timeout_us(p);
	return p->probe;
}

void path_confirmed(struct path *p, uint64_t now_us, uint16_t id, size_t size)
{
	if (!p->probe || id != p->id || size != p->probe)
		return;
	uint64_t rtt_us = now_us - p->sent_us;
	/* Of which try it is the answer nobody knows (RFC 6298, 3). */
	if (p->tries == 1 && rtt_us < TIMEOUT_MAX_US)
		p->rtt_us = (uint32_t)(p->rtt_us ? (7ull * p->rtt_us + rtt_us) / 8 : rtt_us) | 1;
	p->confirmed_us = now_us;
	p->probe = 0;
	p->tries = 0;
	if (!p->is_searching) {
		rest(p, now_us);
		return;
	}
	p->low = size;
	if (size > p->size || !p->is_settled)
		p->size = size;
	if (size >= p->max || !candidate(p))
		settle(p, now_us);
	else
		p->due_us = now_us;
}
