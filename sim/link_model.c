#include "sim/link_model.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_US 1000u
#define NS_PER_S 1000000000ull

const char *const link_verdict_names[LINK_VERDICTS] = { "delivered", "down", "mtu", "queue", "fade", "loss", "gap",
	"deaf", "jam", "lab" };

static struct link_path *path_between(struct link_model *m, unsigned from, unsigned to)
{
	return &m->paths[from * m->end_count + to];
}

int link_model_init(struct link_model *m, unsigned ends, bool shared, const struct link_params params[2], uint64_t seed)
{
	assert(ends >= 2 && ends <= LINK_ENDS_MAX);
	memset(m, 0, sizeof(*m));
	m->end_count = ends;
	m->shared = shared;
	m->seed = seed;
	link_model_set(m, params);
	m->ends = calloc(ends, sizeof(*m->ends));
	m->paths = calloc((size_t)ends * ends, sizeof(*m->paths));
	if (!m->ends || !m->paths)
		return -ENOMEM;
	for (unsigned from = 0; from < ends; from++) {
		m->ends[from].medium.last_sender = LINK_ENDS_MAX; /* nobody */
		m->ends[from].sender.queue = calloc(LINK_QUEUE_FRAMES, sizeof(struct link_waiting));
		if (!m->ends[from].sender.queue)
			return -ENOMEM;
		for (unsigned to = 0; to < ends; to++)
			prng_seed(&path_between(m, from, to)->prng,
				seed ^ (from * LINK_ENDS_MAX + to + 1) * 0x9e3779b97f4a7c15u);
	}
	return 0;
}

void link_model_done(struct link_model *m)
{
	for (unsigned i = 0; m->ends && i < m->end_count; i++)
		free(m->ends[i].sender.queue);
	free(m->ends);
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
	m->ends[a].deaf |= 1u << b;
	m->ends[b].deaf |= 1u << a;
}

bool link_model_set_reach(struct link_model *m, unsigned a, unsigned b, const struct link_reach *reach)
{
	bool was_heard = !(m->ends[b].deaf & 1u << a);

	m->spatial = true;
	if (path_between(m, a, b)->reach == reach && was_heard == (reach != NULL))
		return false;
	path_between(m, a, b)->reach = path_between(m, b, a)->reach = reach;
	m->ends[a].deaf &= ~(1u << b);
	m->ends[b].deaf &= ~(1u << a);
	if (!reach)
		link_model_deafen(m, a, b);
	return true;
}

void link_model_jam(struct link_model *m, unsigned end, double loss)
{
	m->ends[end].jam = loss;
}

bool link_model_hears(const struct link_model *m, unsigned from, unsigned to)
{
	return !(m->ends[to].deaf & 1u << from) && m->ends[to].jam < 1;
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

/* --- periods ------------------------------------------------------------------------------ */

/* What is drawn for a period depends on seed and period alone, so that all paths of a
 * link see the same and no traffic changes it. */
static struct prng period_prng(const struct link_model *m, uint64_t period, uint64_t purpose)
{
	struct prng prng;

	prng_seed(&prng, m->seed ^ period * 0xd1342543de82ef95u ^ purpose);
	return prng;
}

static bool link_is_in_gap(const struct link_model *m, const struct link_gap *g, uint64_t at_us)
{
	if (!g->every_us)
		return false;
	struct prng prng = period_prng(m, at_us / g->every_us, 0);
	return at_us % g->every_us < g->min_us + prng_below(&prng, (uint64_t)g->max_us - g->min_us + 1);
}

#define SHIFT 0x8cb92ba72f3d8dd7u
static int64_t period_shift_us(const struct link_model *m, const struct link_params *p, uint64_t at_us)
{
	if (!p->shift_us || !p->gap.every_us)
		return 0;
	struct prng prng = period_prng(m, at_us / p->gap.every_us, SHIFT);
	return (int64_t)prng_below(&prng, 2 * (uint64_t)p->shift_us + 1) - p->shift_us;
}

/* Stalls of phone networks are short mostly, and long now and then: the tenth power of
 * what is drawn has the mean and the tail that were measured (preset.c). */
#define STALL 0x2545f4914f6cdd1du
static uint64_t after_stall_ns(const struct link_model *m, unsigned from, uint64_t at_ns)
{
	const struct link_gap *g = &m->params[from != 0].stall;
	uint64_t at_us = at_ns / NS_PER_US;

	if (!g->every_us)
		return at_ns;
	uint64_t period = at_us / g->every_us;
	struct prng prng = period_prng(m, period, STALL + (from != 0));
	double u = prng_unit(&prng), u2 = u * u, u5 = u2 * u2 * u;
	uint64_t length_us = g->min_us + (uint64_t)(u5 * u5 * (g->max_us - g->min_us));
	uint64_t begin_us = period * g->every_us + prng_below(&prng, g->every_us - length_us);
	return at_us < begin_us || at_us >= begin_us + length_us ? at_ns : (begin_us + length_us) * NS_PER_US;
}

/* --- the medium ------------------------------------------------------------------------ */

/* Who hears what an end sends, and who must be silent for them to hear it. */
struct audience {
	uint32_t receivers; /* bit masks */
	uint32_t silenced;
};

static uint32_t hearers_of(const struct link_model *m, unsigned from)
{
	uint32_t hearers = 1u << from;

	for (unsigned i = 0; i < m->end_count; i++)
		if (!(m->ends[i].deaf & 1u << from))
			hearers |= 1u << i;
	return hearers;
}

static struct audience audience_of(const struct link_model *m, unsigned from, int to)
{
	struct audience a = { .silenced = hearers_of(m, from) };

	a.receivers = to >= 0 ? a.silenced & 1u << to : a.silenced & ~(1u << from);
	for (unsigned i = 0; i < m->end_count; i++)
		if (a.receivers & 1u << i)
			a.silenced |= hearers_of(m, i);
	return a;
}

/* To several at the pace of the slowest, as radios send what is for all. */
static uint64_t rate_towards(struct link_model *m, unsigned from, uint32_t receivers)
{
	uint64_t rate_bps = m->params[from != 0].rate_bps;
	double share = 1;

	for (unsigned i = 0; i < m->end_count; i++) {
		const struct link_reach *reach = path_between(m, from, i)->reach;

		if (receivers & 1u << i && reach && reach->rate < share)
			share = reach->rate;
	}
	return (uint64_t)((double)rate_bps * share);
}

/* Time that the frame holds the medium. */
static uint64_t frame_airtime_ns(const struct link_params *p, uint64_t rate_bps, uint32_t bytes, bool turns)
{
	uint64_t airtime_ns = rate_bps ? (uint64_t)bytes * 8 * NS_PER_S / rate_bps : 0;

	if (turns)
		airtime_ns += (uint64_t)p->turnaround_us * NS_PER_US;
	return airtime_ns;
}

/* When a frame has the medium, and for how long it keeps others from it. */
struct turn {
	uint64_t start_ns;
	uint64_t airtime_ns;
	uint64_t held_ns;
};

static struct turn turn_of(
	const struct link_model *m, unsigned from, uint64_t start_ns, uint64_t rate_bps, uint32_t bytes, bool turns)
{
	const struct link_params *p = &m->params[from != 0];
	uint64_t airtime_ns = frame_airtime_ns(p, rate_bps, bytes, turns), pace_ns = (uint64_t)p->pace_us * NS_PER_US;

	return (struct turn){ after_stall_ns(m, from, start_ns), airtime_ns,
		airtime_ns > pace_ns ? airtime_ns : pace_ns };
}

/* A medium for each end, or one for all: the turn begins when it is idle. */
static struct turn medium_hold(struct link_model *m, uint64_t now_ns, unsigned from, uint32_t bytes)
{
	struct link_medium *medium = &m->ends[m->shared ? 0 : from].medium;
	bool idle = medium->busy_until_ns <= now_ns;
	struct turn t = turn_of(m, from, idle ? now_ns : medium->busy_until_ns, m->params[from != 0].rate_bps, bytes,
		idle || medium->last_sender != from);

	*medium = (struct link_medium){ t.start_ns + t.held_ns, from };
	return t;
}

/* The same where each end has its own surroundings: it begins when sender and
 * receivers may speak and listen, and silences all around them. */
static struct turn surroundings_hold(struct link_model *m, uint64_t now_ns, unsigned from, int to, uint32_t bytes)
{
	struct audience a = audience_of(m, from, to);
	uint32_t needed = a.receivers | 1u << from;
	uint64_t start_ns = now_ns;
	bool turns = m->ends[from].medium.busy_until_ns <= now_ns || m->ends[from].medium.last_sender != from;

	for (unsigned i = 0; i < m->end_count; i++)
		if (needed & 1u << i && m->ends[i].medium.busy_until_ns > start_ns)
			start_ns = m->ends[i].medium.busy_until_ns;
	struct turn t = turn_of(m, from, start_ns, rate_towards(m, from, a.receivers), bytes, turns);
	for (unsigned i = 0; i < m->end_count; i++)
		if (a.silenced & 1u << i && m->ends[i].medium.busy_until_ns < t.start_ns + t.held_ns)
			m->ends[i].medium = (struct link_medium){ t.start_ns + t.held_ns, from };
	return t;
}

/* When the last bit has left, in *done_ns; false: the queue is full. */
static bool medium_take(struct link_model *m, uint64_t now_ns, unsigned from, int to, uint32_t bytes, uint64_t *done_ns)
{
	struct link_sender *s = &m->ends[from].sender;

	sender_advance(s, now_ns);
	if (!sender_has_room(s, &m->params[from != 0], bytes))
		return false;
	struct turn t = m->shared && m->spatial ? surroundings_hold(m, now_ns, from, to, bytes)
						: medium_hold(m, now_ns, from, bytes);
	*done_ns = t.start_ns + t.airtime_ns;
	if (t.held_ns)
		sender_push(s, *done_ns, t.held_ns, bytes);
	return true;
}

/* --- paths ------------------------------------------------------------------------------- */

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

static uint64_t path_due_us(
	const struct link_model *m, struct link_path *path, const struct link_params *p, uint64_t sent_us)
{
	int64_t delay_us = p->delay_us + period_shift_us(m, p, sent_us);

	if (p->jitter_us)
		delay_us += (int64_t)prng_below(&path->prng, 2 * (uint64_t)p->jitter_us + 1) - p->jitter_us;
	uint64_t due_us = sent_us + (uint64_t)(delay_us > 0 ? delay_us : 0);
	if (!p->reorder && due_us < path->last_due_us)
		due_us = path->last_due_us;
	path->last_due_us = due_us;
	return due_us;
}

static struct link_fade path_fade(const struct link_path *path, const struct link_params *p)
{
	const struct link_reach *reach = path->reach;
	struct link_fade f = p->fade;

	if (!reach)
		return f;
	f.to_bad = fmin(1, f.to_bad * reach->to_bad);
	f.to_good = fmin(1, f.to_good * reach->to_good);
	f.loss = fmin(1, f.loss * reach->loss);
	return f;
}

static struct link_fate path_fate(struct link_model *m, unsigned from, unsigned to, uint64_t sent_us)
{
	const struct link_params *p = &m->params[from != 0];
	struct link_path *path = path_between(m, from, to);
	struct link_fade fade = path_fade(path, p);

	if (m->ends[to].deaf & 1u << from)
		return (struct link_fate){ .verdict = LINK_DROP_DEAF };
	if (link_is_in_gap(m, &p->gap, sent_us))
		return (struct link_fate){ .verdict = LINK_DROP_GAP };
	if (path_is_faded(path, &fade, sent_us) && prng_unit(&path->prng) < fade.loss)
		return (struct link_fate){ .verdict = LINK_DROP_FADE };
	if (p->loss > 0 && prng_unit(&path->prng) < p->loss)
		return (struct link_fate){ .verdict = LINK_DROP_LOSS };
	if (m->ends[to].jam > 0 && prng_unit(&path->prng) < m->ends[to].jam)
		return (struct link_fate){ .verdict = LINK_DROP_JAM };
	return (struct link_fate){ .verdict = LINK_DELIVER, .due_us = path_due_us(m, path, p, sent_us) };
}

void link_model_offer(struct link_model *m, uint64_t now_us, unsigned from, int to, uint32_t bytes,
	struct link_fate fates[LINK_ENDS_MAX])
{
	const struct link_params *p = &m->params[from != 0];
	struct link_fate drop = { .verdict = LINK_DELIVER };
	uint64_t done_ns = 0;

	if (m->state != LINK_UP)
		drop.verdict = LINK_DROP_DOWN;
	else if (p->mtu && bytes > p->mtu + LINK_HEADER)
		drop.verdict = LINK_DROP_MTU;
	else if (!medium_take(m, now_us * NS_PER_US, from, to, bytes, &done_ns))
		drop.verdict = LINK_DROP_QUEUE;
	uint64_t sent_us = (done_ns + NS_PER_US - 1) / NS_PER_US;
	for (unsigned i = 0; i < m->end_count; i++)
		if (i != from)
			fates[i] = drop.verdict == LINK_DELIVER ? path_fate(m, from, i, sent_us) : drop;
}
