/*
 * The recorder. Pairs have a spell from the sample that first misses them to the
 * one that finds them again:
 *
 *   reached ── missed ──► out (apart or searching) ── found ──► reached
 *      way kept as `before`                           way kept as `after`
 *
 * and, within it, a search from the sample at which links join them again.
 */
#include "sim/world/record.h"
#include "sim/world/trial.h"

#include <stdlib.h>
#include <string.h>

static const double bins_s[RECORD_BINS] = { 0.2, 0.5, 1, 2, 5, 10, 30, 60, 600, 0 };

double record_bin_s(unsigned bin)
{
	return bins_s[bin];
}

/* --- which pairs ------------------------------------------------------------------------ */

static bool pair_is_watched(const struct record *r, unsigned a, unsigned b)
{
	for (unsigned i = 0; i < r->pair_count && r->pairs[i].is_watched; i++)
		if ((r->pairs[i].a == a && r->pairs[i].b == b) || (r->pairs[i].a == b && r->pairs[i].b == a))
			return true;
	return false;
}

static void pair_add(struct record *r, unsigned a, unsigned b, bool is_watched)
{
	if (a != b && !pair_is_watched(r, a, b))
		r->pairs[r->pair_count++] = (struct record_pair){ .a = a, .b = b, .is_watched = is_watched };
}

/* Those that the plan asks for; then all, or as many as there is room for, evenly spread. */
static void pairs_choose(struct record *r, const struct plan *p)
{
	uint64_t all = (uint64_t)p->node_count * (p->node_count - 1) / 2, seen = 0;

	for (unsigned i = 0; i < p->expect_count; i++)
		if (p->expect[i].measure == PLAN_REACH)
			pair_add(r, p->expect[i].from, p->expect[i].to, true);
	for (unsigned i = 0; i < p->flow_count; i++)
		if (p->flows[i].to >= 0)
			pair_add(r, p->flows[i].from, (unsigned)p->flows[i].to, true);
	for (unsigned i = 0; i < p->file_count; i++)
		pair_add(r, p->files[i].from, p->files[i].to, true);
	for (unsigned i = 0; i < p->group_count; i++)
		for (unsigned k = 1; k < p->groups[i].member_count; k++)
			pair_add(r, p->groups[i].members[0], p->groups[i].members[k], true);
	uint64_t room = all > RECORD_PAIRS_MAX ? RECORD_PAIRS_MAX - r->pair_count : all;
	r->is_chosen = room < all;
	for (unsigned a = 0; a < p->node_count; a++)
		for (unsigned b = a + 1; b < p->node_count; b++, seen++)
			if (seen * room / all != (seen + 1) * room / all)
				pair_add(r, a, b, false);
}

_Static_assert(
	2 * PLAN_EXPECT_MAX + PLAN_FLOWS_MAX + PLAN_FILES_MAX + PLAN_GROUPS_MAX * PLAN_MEMBERS_MAX < RECORD_PAIRS_MAX,
	"there is room for those that the plan asks for");

static bool order_harms(enum plan_verb verb)
{
	return verb == PLAN_CUT || verb == PLAN_SILENCE || verb == PLAN_JAM || verb == PLAN_POWER_OFF ||
	       verb == PLAN_MAINS_OFF || verb == PLAN_LEAVE;
}

static void harm_find(struct record *r, const struct plan *p)
{
	r->harm_us = UINT64_MAX;
	for (unsigned i = 0; i < p->event_count; i++)
		if (order_harms(p->events[i].verb) && p->events[i].at_us < r->harm_us)
			r->harm_us = p->events[i].at_us;
	if (p->faults.every_us && p->faults.from_us < r->harm_us)
		r->harm_us = p->faults.from_us;
	r->has_harm = r->harm_us != UINT64_MAX;
}

/* --- views -------------------------------------------------------------------------------- */

static void view_init(struct record_view *v, const struct world *w)
{
	v->power = world_alloc(w->station_count + 1);
	v->state = world_alloc(w->segment_count + 1);
	v->used = world_alloc(w->segment_count + 1);
}

static void view_done(struct record_view *v)
{
	free(v->power);
	free(v->state);
	free(v->used);
}

static void view_copy(struct record_view *to, const struct record_view *from, const struct world *w)
{
	to->at_us = from->at_us;
	to->reached = from->reached;
	memcpy(to->power, from->power, w->station_count);
	memcpy(to->state, from->state, w->segment_count);
	memcpy(to->used, from->used, w->segment_count);
}

struct record *record_new(const struct trial *t)
{
	struct record *r = world_alloc(sizeof(*r));
	const struct world *w = t->world;

	r->trial = t;
	r->step_us = (t->plan->duration_us / RECORD_SAMPLES_MAX / RECORD_STEP_US + 1) * RECORD_STEP_US;
	r->next_us = r->step_us;
	r->pairs = world_alloc(RECORD_PAIRS_MAX * sizeof(*r->pairs));
	r->changes = world_alloc(RECORD_CHANGES_MAX * sizeof(*r->changes));
	pairs_choose(r, t->plan);
	for (unsigned i = 0; i < r->pair_count; i++)
		r->pairs[i].is_out = true; /* from the start of the world */
	r->states = world_alloc((size_t)RECORD_SAMPLES_MAX * r->pair_count + 1);
	harm_find(r, t->plan);
	view_init(&r->now, w);
	view_init(&r->before, w);
	view_init(&r->worst, w);
	r->worst.reached = UINT32_MAX;
	for (unsigned i = 0; i < w->station_count; i++)
		r->now.power[i] = w->stations[i]->node;
	for (unsigned i = 0; i < w->segment_count; i++)
		r->now.state[i] = (uint8_t)w->segments[i]->model.state;
	return r;
}

void record_free(struct record *r)
{
	if (!r)
		return;
	view_done(&r->now);
	view_done(&r->before);
	view_done(&r->worst);
	free(r->states);
	free(r->pairs);
	free(r->changes);
	free(r);
}

/* --- changes ------------------------------------------------------------------------------- */

static void change_add(struct record *r, bool is_station, unsigned object, bool is_good, enum link_state state)
{
	if (r->change_count == RECORD_CHANGES_MAX) {
		r->changes_missed++;
		return;
	}
	r->changes[r->change_count++] = (struct record_change){ .at_us = world_time_us(r->trial->world),
		.is_station = is_station,
		.object = object,
		.is_good = is_good,
		.state = state };
}

void record_look(struct record *r)
{
	const struct world *w = r->trial->world;

	for (unsigned i = 0; i < w->station_count; i++) {
		bool power = w->stations[i]->node;

		if (power != r->now.power[i])
			change_add(r, true, i, power, LINK_UP);
		r->now.power[i] = power;
	}
	for (unsigned i = 0; i < w->segment_count; i++) {
		enum link_state state = w->segments[i]->model.state;

		if (state != r->now.state[i])
			change_add(r, false, i, state == LINK_UP, state);
		r->now.state[i] = (uint8_t)state;
	}
}

/* --- samples -------------------------------------------------------------------------------- */

/* From a station to another; marks what it goes over. False: it does not arrive. */
static bool way_follow(struct record *r, unsigned from, unsigned to, struct record_way *way)
{
	const struct world *w = r->trial->world;
	struct prefix p = prefix_of_host(w->stations[to]->address);
	const struct station *at = w->stations[from];
	const struct segment *over = NULL;
	unsigned hops = 0;

	while (at && at->index != to && hops <= w->station_count) {
		at = whole_next_hop(at, &p, &over);
		if (at && hops < RECORD_HOPS_MAX) {
			way->hop[hops].segment = (uint16_t)over->index;
			way->hop[hops].station = (uint16_t)at->index;
		}
		hops++;
	}
	way->hops = hops;
	return at && at->index == to;
}

static void way_mark(struct record *r, const struct record_way *way)
{
	for (unsigned i = 0; i < way->hops && i < RECORD_HOPS_MAX; i++)
		r->now.used[way->hop[i].segment] = true;
}

static void search_count(struct record *r, struct record_pair *p, uint64_t now_us)
{
	double searched_s = (double)(now_us - p->searching_from_us) / 1e6;
	unsigned bin = 0;

	while (bin < RECORD_BINS - 1 && searched_s > bins_s[bin])
		bin++;
	r->searches[bin]++;
	p->is_searching = false;
}

/* To lose contact is worse than to have had none yet; the longer is worse. */
static void spell_close(struct record_pair *p, uint64_t now_us)
{
	const struct record_spell *worst = &p->worst;
	bool is_loss = p->spell.before.hops > 0, was_loss = worst->before.hops > 0;
	uint64_t length_us = now_us - p->spell.begin_us;

	p->spell.end_us = now_us;
	p->out_us += length_us;
	if (is_loss != was_loss ? is_loss : length_us > worst->end_us - worst->begin_us)
		p->worst = p->spell;
}

static void pair_found(struct record *r, struct record_pair *p, const struct record_way *way, uint64_t now_us)
{
	if (p->is_searching)
		search_count(r, p, now_us);
	if (p->is_out) {
		p->spell.is_over = true;
		p->spell.after = *way;
		spell_close(p, now_us);
	}
	p->is_out = false;
	p->way = *way;
}

static void pair_missed(struct record_pair *p, enum pair_state state, uint64_t now_us)
{
	if (!p->is_out) {
		p->spell = (struct record_spell){ .begin_us = now_us, .before = p->way };
		p->is_out = true;
	}
	if (state == PAIR_SEARCHING && !p->is_searching)
		p->searching_from_us = now_us;
	p->is_searching = state == PAIR_SEARCHING;
	p->spell.last = state;
}

static enum pair_state pair_look(struct record *r, struct record_pair *p, const unsigned *groups, uint64_t now_us)
{
	const struct world *w = r->trial->world;
	struct record_way there, back;
	enum pair_state state = PAIR_APART;

	if (w->stations[p->a]->node && w->stations[p->b]->node && groups[p->a] == groups[p->b])
		state = way_follow(r, p->a, p->b, &there) && way_follow(r, p->b, p->a, &back) ? PAIR_REACHED
											      : PAIR_SEARCHING;
	if (state == PAIR_REACHED) {
		way_mark(r, &there);
		way_mark(r, &back);
		pair_found(r, p, &there, now_us);
	} else {
		pair_missed(p, state, now_us);
	}
	return state;
}

void record_sample(struct record *r)
{
	const struct world *w = r->trial->world;
	uint64_t now_us = world_time_us(w);
	unsigned sample = r->sample_count;

	r->next_us += r->step_us;
	if (sample == RECORD_SAMPLES_MAX)
		return;
	record_look(r);
	memset(r->now.used, 0, w->segment_count);
	unsigned *groups = whole_groups(w);
	for (unsigned i = 0; i < r->pair_count; i++) {
		enum pair_state state = pair_look(r, &r->pairs[i], groups, now_us);

		r->states[(size_t)sample * r->pair_count + i] = (uint8_t)state;
		r->reached[sample] += state == PAIR_REACHED;
		r->joined[sample] += state != PAIR_APART;
	}
	free(groups);
	r->now.at_us = now_us;
	r->now.reached = r->reached[sample];
	if (now_us < r->harm_us)
		view_copy(&r->before, &r->now, w);
	else if (r->now.reached < r->worst.reached)
		view_copy(&r->worst, &r->now, w);
	r->sample_count++;
}

void record_end(struct record *r)
{
	for (unsigned i = 0; i < r->pair_count; i++) {
		struct record_pair *p = &r->pairs[i];

		r->searches_open += p->is_searching;
		if (p->is_out)
			spell_close(p, r->now.at_us);
	}
}
