#include "sim/link_model.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000u
#define NS_PER_S 1000000000ull

const char *const link_verdict_names[LINK_VERDICTS] = { "delivered", "down", "mtu", "queue", "fade", "loss", "gap",
	"deaf", "lab" };

static struct link_path *path_between(struct link_model *m, unsigned from, unsigned to)
{
	return &m->paths[from * m->ends + to];
}

int link_model_init(struct link_model *m, unsigned ends, bool shared, const struct link_params params[2], uint64_t seed)
{
	assert(ends >= 2 && ends <= LINK_ENDS_MAX);
	memset(m, 0, sizeof(*m));
	m->ends = ends;
	m->shared = shared;
	m->seed = seed;
	link_model_set(m, params);
	m->paths = calloc((size_t)ends * ends, sizeof(*m->paths));
	if (!m->paths)
		return -ENOMEM;
	for (unsigned from = 0; from < ends; from++) {
		m->media[from].last_sender = LINK_ENDS_MAX; /* nobody */
		m->senders[from].queue = calloc(LINK_QUEUE_FRAMES, sizeof(struct link_waiting));
		if (!m->senders[from].queue)
			return -ENOMEM;
		for (unsigned to = 0; to < ends; to++)
			prng_seed(&path_between(m, from, to)->prng,
				seed ^ (from * LINK_ENDS_MAX + to + 1) * 0x9e3779b97f4a7c15u);
	}
	return 0;
}

void link_model_done(struct link_model *m)
{
	for (unsigned i = 0; i < LINK_ENDS_MAX; i++)
		free(m->senders[i].queue);
	free(m->paths);
	memset(m, 0, sizeof(*m));
}

void link_model_set(struct link_model *m, const struct link_params params[2])
{
	m->params[0] = params[0];
	m->params[1] = params[1];
}

void link_model_deafen(struct link_model *m, unsigned a, unsigned b)
{
	m->deaf[a] |= 1u << b;
	m->deaf[b] |= 1u << a;
}

double link_fade_loss(const struct link_fade *f)
{
	double sum = f->to_bad + f->to_good;

	return sum > 0 ? f->loss * f->to_bad / sum : 0;
}

static void sender_advance(struct link_sender *s, uint64_t now_ns)
{
	while (s->count && s->queue[s->first].done_ns <= now_ns) {
		s->bytes -= s->queue[s->first].bytes;
		s->airtime_ns -= s->queue[s->first].airtime_ns;
		s->first = (s->first + 1) % LINK_QUEUE_FRAMES;
		s->count--;
	}
}

/* An empty queue takes any frame: a bound below one frame must not close the link. */
static bool sender_has_room(const struct link_sender *s, const struct link_params *p, uint32_t bytes)
{
	if (s->count == 0)
		return true;
	return s->count < LINK_QUEUE_FRAMES && (!p->queue_bytes || s->bytes + bytes <= p->queue_bytes) &&
	       (!p->queue_us || s->airtime_ns <= (uint64_t)p->queue_us * NS_PER_US);
}

static void sender_push(struct link_sender *s, uint64_t done_ns, uint64_t airtime_ns, uint32_t bytes)
{
	unsigned last = (s->first + s->count) % LINK_QUEUE_FRAMES;

	s->queue[last].done_ns = done_ns;
	s->queue[last].airtime_ns = airtime_ns;
	s->queue[last].bytes = bytes;
	s->bytes += bytes;
	s->airtime_ns += airtime_ns;
	s->count++;
}

/* Time that the frame holds the medium. */
static uint64_t frame_airtime_ns(const struct link_params *p, uint32_t bytes, bool turns)
{
	uint64_t airtime_ns = p->rate_bps ? (uint64_t)bytes * 8 * NS_PER_S / p->rate_bps : 0;

	if (turns)
		airtime_ns += (uint64_t)p->turnaround_us * NS_PER_US;
	return airtime_ns;
}

/* When the last bit has left, in *done_ns; false: the queue is full. */
static bool medium_take(struct link_model *m, uint64_t now_ns, unsigned from, uint32_t bytes, uint64_t *done_ns)
{
	const struct link_params *p = &m->params[from != 0];
	struct link_sender *s = &m->senders[from];
	struct link_medium *medium = &m->media[m->shared ? 0 : from];

	sender_advance(s, now_ns);
	if (!sender_has_room(s, p, bytes))
		return false;
	bool idle = medium->busy_until_ns <= now_ns;
	uint64_t airtime_ns = frame_airtime_ns(p, bytes, idle || medium->last_sender != from);

	*done_ns = (idle ? now_ns : medium->busy_until_ns) + airtime_ns;
	medium->busy_until_ns = *done_ns;
	medium->last_sender = from;
	if (airtime_ns)
		sender_push(s, *done_ns, airtime_ns, bytes);
	return true;
}

/*
 * Brings the chain to the step of at_us with one draw, however many steps have
 * passed: after n steps P(bad) = pi + (state - pi) (1 - p - r)^n.
 */
static bool path_is_faded(struct link_path *path, const struct link_fade *f, uint64_t at_us)
{
	double sum = f->to_bad + f->to_good;

	if (sum <= 0)
		return false;
	double bad_share = f->to_bad / sum;
	if (!path->started) {
		path->started = true;
		path->fade_us = at_us;
		path->bad = prng_unit(&path->prng) < bad_share;
	} else if (at_us > path->fade_us) {
		uint64_t steps = (at_us - path->fade_us) / f->step_us;

		if (steps) {
			double state = path->bad ? 1 : 0;
			double bad = bad_share + (state - bad_share) * pow(1 - sum, (double)steps);

			path->bad = prng_unit(&path->prng) < bad;
			path->fade_us += steps * f->step_us;
		}
	}
	return path->bad;
}

/* The length of a gap depends on seed and period alone: all paths of a link lose at once. */
static bool link_is_in_gap(const struct link_model *m, const struct link_gap *g, uint64_t at_us)
{
	struct prng prng;

	if (!g->every_us)
		return false;
	prng_seed(&prng, m->seed ^ at_us / g->every_us * 0xd1342543de82ef95u);
	return at_us % g->every_us < g->min_us + prng_below(&prng, (uint64_t)g->max_us - g->min_us + 1);
}

static uint64_t path_due_us(struct link_path *path, const struct link_params *p, uint64_t sent_us)
{
	int64_t delay_us = p->delay_us;

	if (p->jitter_us)
		delay_us += (int64_t)prng_below(&path->prng, 2 * (uint64_t)p->jitter_us + 1) - p->jitter_us;
	uint64_t due_us = sent_us + (uint64_t)(delay_us > 0 ? delay_us : 0);
	if (!p->reorder && due_us < path->last_due_us)
		due_us = path->last_due_us;
	path->last_due_us = due_us;
	return due_us;
}

static struct link_fate path_fate(struct link_model *m, unsigned from, unsigned to, uint64_t sent_us)
{
	const struct link_params *p = &m->params[from != 0];
	struct link_path *path = path_between(m, from, to);

	if (m->deaf[to] & 1u << from)
		return (struct link_fate){ .verdict = LINK_DROP_DEAF };
	if (link_is_in_gap(m, &p->gap, sent_us))
		return (struct link_fate){ .verdict = LINK_DROP_GAP };
	if (path_is_faded(path, &p->fade, sent_us) && prng_unit(&path->prng) < p->fade.loss)
		return (struct link_fate){ .verdict = LINK_DROP_FADE };
	if (p->loss > 0 && prng_unit(&path->prng) < p->loss)
		return (struct link_fate){ .verdict = LINK_DROP_LOSS };
	return (struct link_fate){ .verdict = LINK_DELIVER, .due_us = path_due_us(path, p, sent_us) };
}

void link_model_offer(
	struct link_model *m, uint64_t now_us, unsigned from, uint32_t bytes, struct link_fate fates[LINK_ENDS_MAX])
{
	const struct link_params *p = &m->params[from != 0];
	struct link_fate drop = { .verdict = LINK_DELIVER };
	uint64_t done_ns = 0;

	if (m->state != LINK_UP)
		drop.verdict = LINK_DROP_DOWN;
	else if (p->mtu && bytes > p->mtu + LINK_HEADER)
		drop.verdict = LINK_DROP_MTU;
	else if (!medium_take(m, now_us * NS_PER_US, from, bytes, &done_ns))
		drop.verdict = LINK_DROP_QUEUE;
	uint64_t sent_us = (done_ns + NS_PER_US - 1) / NS_PER_US;
	for (unsigned to = 0; to < m->ends; to++)
		if (to != from)
			fates[to] = drop.verdict == LINK_DELIVER ? path_fate(m, from, to, sent_us) : drop;
}
