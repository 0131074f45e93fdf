/*
 * The outage clocks of nodes that watch others (meshd/node/outage.h), as the daemon has
 * them: asked and moved on each second, kept over a power cut, and begun anew where they
 * stood when the power is back. What they have recorded is what is expected.
 */
#include "sim/world/trial.h"

#include "meshd/node/outage_ask.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_US SECOND_US
/* A question that was sent so long before a site was cut off may be lost by that: the outage began with it. */
#define EARLY_S 15
_Static_assert(PLAN_WATCH_MAX == OUTAGE_SITES_MAX, "as many as a node watches");

struct trial_watch {
	struct timer timer;
	struct trial *trial;
	unsigned node;
	bool is_running;
	struct outages outages;
	struct outage_asker askers[OUTAGE_SITES_MAX];
	size_t kept_len;
	uint8_t kept[OUTAGE_STATE_MAX];
};

static uint64_t date_of(uint64_t now_us)
{
	return 60ull * WORLD_CLOCK_MIN + (now_us - WORLD_START_US) / SECOND_US;
}

/* The node has begun, maybe again. */
static void watch_start(struct trial_watch *w, uint64_t now_us)
{
	const struct plan_node *conf = &w->trial->plan->nodes[w->node];

	w->outages = (struct outages){ 0 };
	for (unsigned i = 0; i < conf->watch_count; i++) {
		const struct station *site = w->trial->world->stations[conf->watch[i]];

		outages_add(&w->outages, now_us, date_of(now_us), site->name);
		w->askers[i] = (struct outage_asker){ .is_found = true, .address = site->address };
	}
	if (w->kept_len && outages_read(&w->outages, now_us, date_of(now_us), bytes_of(w->kept, w->kept_len)) < 0)
		abort();
	w->is_running = true;
}

static void watch_look(struct trial_watch *w, struct station *s, uint64_t now_us)
{
	for (unsigned i = 0; i < w->outages.site_count; i++)
		outage_ask(&w->outages, i, &w->askers[i], s->node, now_us, date_of(now_us));
	outages_poll(&w->outages, now_us);
	w->kept_len = outages_write(&w->outages, now_us, date_of(now_us), w->kept, sizeof(w->kept));
	station_settle(s);
}

static void watch_due(struct timer *timer, uint64_t now_us)
{
	struct trial_watch *w = container_of(timer, struct trial_watch, timer);
	struct station *s = w->trial->world->stations[w->node];

	if (!s->node)
		w->is_running = false;
	else if (!w->is_running)
		watch_start(w, now_us);
	if (w->is_running && now_us >= s->stalled_until_us)
		watch_look(w, s, now_us);
	station_timer_set(s, timer, now_us + LOOK_US);
}

void trial_watch_init(struct trial *t)
{
	unsigned count = 0, next = 0;

	for (unsigned i = 0; i < t->plan->node_count; i++)
		count += t->plan->nodes[i].watch_count > 0;
	t->watches = world_alloc((count + 1) * sizeof(*t->watches)); /* the last watches nothing */
	for (unsigned i = 0; i < t->plan->node_count; i++) {
		if (!t->plan->nodes[i].watch_count)
			continue;
		struct trial_watch *w = &t->watches[next++];

		w->trial = t;
		w->node = i;
		timer_init(&w->timer, watch_due);
		station_timer_set(t->world->stations[i], &w->timer, WORLD_START_US);
	}
}

/* --- the verdict ------------------------------------------------------------------------------ */

/* Its outages of the site, the oldest that is kept first; NULL: no more. */
static const struct outage *outage_at(const struct trial_watch *w, const char *site, unsigned i)
{
	const struct outages *o = &w->outages;
	unsigned kept = o->log_count < OUTAGE_LOG_MAX ? o->log_count : OUTAGE_LOG_MAX;

	for (unsigned k = o->log_count - kept; k < o->log_count; k++)
		if (strcmp(o->log[k % OUTAGE_LOG_MAX].site, site) == 0 && !i--)
			return &o->log[k % OUTAGE_LOG_MAX];
	for (unsigned k = 0; k < o->site_count; k++)
		if (strcmp(o->sites[k].name, site) == 0 && o->sites[k].is_out && !i--)
			return &o->sites[k].now;
	return NULL;
}

static double began_s(const struct outage *o)
{
	return (double)o->began_unix_s - (double)date_of(WORLD_START_US);
}

static const struct outage *outage_meant(const struct trial_expect *e)
{
	const struct plan_expect *c = e->conf;
	const struct trial_watch *w = e->trial->watches;
	const char *site = e->trial->plan->nodes[c->to].name;
	double after_s = (double)c->after_us / 1e6;
	const struct outage *o;

	while (w->node != c->from || !w->trial)
		w++; /* the plan says that it watches */
	for (unsigned i = 0; (o = outage_at(w, site, i)); i++)
		if (c->after_us ? !o->is_start && began_s(o) >= after_s - EARLY_S : o->is_start)
			return o;
	return NULL;
}

void trial_outage_judge(struct trial_expect *e)
{
	const struct plan_expect *c = e->conf;
	const struct outage *o = outage_meant(e);

	if (!o) {
		snprintf(e->detail, sizeof(e->detail), "there was none");
		return;
	}
	if (c->mark != OUTAGE_MARKS && o->after_ms[c->mark] == OUTAGE_NOT_YET) {
		e->is_met = c->at_most < 0;
		return;
	}
	e->measured = c->mark == OUTAGE_MARKS ? began_s(o) - (double)c->after_us / 1e6 : o->after_ms[c->mark] / 1e3;
	e->is_met = e->measured <= c->at_most && e->measured >= c->at_least;
}
