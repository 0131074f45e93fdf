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
#include "sim/world/way.h"

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
		r->pairs[r->pair_count++] = (struct record_pair){
			.a = a, .b = b, .is_watched = is_watched, .spell = { .parted = -1 }, .worst = { .parted = -1 }
		};
}

/* The highest in command, the first of them. */
static unsigned post_find(const struct plan *p)
{
	unsigned post = 0;

	for (unsigned i = 0; i < p->node_count; i++)
		if (p->nodes[i].level < p->nodes[post].level)
			post = i;
	return post;
}

static void pairs_add_watched(struct record *r, const struct plan *p)
{
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
}

static void pairs_add_sites(struct record *r, const struct plan *p)
{
	r->post = post_find(p);
	r->site_count = p->node_count - 1;
	r->site_pairs = world_alloc(p->node_count * sizeof(*r->site_pairs));
	for (unsigned i = 0; i < p->node_count; i++)
		r->site_pairs[i] = -1;
	for (unsigned i = 0; i < r->pair_count; i++) {
		const struct record_pair *pair = &r->pairs[i];

		if (pair->a == r->post || pair->b == r->post)
			r->site_pairs[pair->a == r->post ? pair->b : pair->a] = (int)i;
	}
	for (unsigned i = 0; i < p->node_count; i++) {
		if (i == r->post || r->site_pairs[i] >= 0)
			continue;
		r->site_pairs[i] = (int)r->pair_count;
		pair_add(r, i, r->post, false);
	}
}

/* Of all others as many as there is room for, evenly spread. */
static void pairs_add_rest(struct record *r, const struct plan *p)
{
	uint64_t all = (uint64_t)r->site_count * (r->site_count > 0 ? r->site_count - 1 : 0) / 2, seen = 0;
	uint64_t room = RECORD_PAIRS_MAX - r->pair_count;

	if (p->node_count > RECORD_REST_NODES && room > RECORD_REST_MAX)
		room = RECORD_REST_MAX;
	if (room > all)
		room = all;
	r->is_chosen = room < all;
	if (!all)
		return;
	for (unsigned a = 0; a < p->node_count; a++)
		for (unsigned b = a + 1; b < p->node_count; b++) {
			if (a == r->post || b == r->post)
				continue;
			if (seen * room / all != (seen + 1) * room / all)
				pair_add(r, a, b, false);
			seen++;
		}
}

_Static_assert(2 * PLAN_EXPECT_MAX + PLAN_FLOWS_MAX + PLAN_FILES_MAX + PLAN_GROUPS_MAX * PLAN_MEMBERS_MAX <
		       RECORD_PAIRS_MAX - PLAN_NODES_MAX,
	"there is room for sites and for those that the plan asks for");

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
	v->served = world_alloc(w->station_count + 1);
	v->places = world_alloc((w->station_count + 1) * sizeof(*v->places));
}

static void view_done(struct record_view *v)
{
	free(v->power);
	free(v->state);
	free(v->used);
	free(v->served);
	free(v->places);
}

static void view_copy(struct record_view *to, const struct record_view *from, const struct world *w)
{
	to->at_us = from->at_us;
	to->sample = from->sample;
	to->reached = from->reached;
	memcpy(to->power, from->power, w->station_count);
	memcpy(to->state, from->state, w->segment_count);
	memcpy(to->used, from->used, w->segment_count);
	memcpy(to->served, from->served, w->station_count);
	memcpy(to->places, from->places, w->station_count * sizeof(*to->places));
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
	pairs_add_watched(r, t->plan);
	pairs_add_sites(r, t->plan);
	pairs_add_rest(r, t->plan);
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
	free(r->site_pairs);
	free(r->changes);
	free(r);
}

/* --- changes ------------------------------------------------------------------------------- */

static void change_add(struct record *r, bool is_station, unsigned object, bool is_good, enum link_state state)
{
	if (r->change_count == RECORD_CHANGES_MAX)
		return;
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

/* From a station to another, as what packets of the class enter the mesh, fallen or not. False: they do not arrive. */
static bool way_follow(const struct record *r, unsigned from, unsigned to, enum packet_class class,
	struct record_way *way, struct way_figures *figures)
{
	const struct world *w = r->trial->world;
	struct prefix p = prefix_of_host(w->stations[to]->address);
	const struct station *at = w->stations[from];
	const struct segment *over = NULL;
	unsigned hops = 0;

	*figures = way_begin();
	while (at && at->index != to && hops <= w->station_count) {
		const struct station *next = whole_next_hop(at, &p, &class, &over);

		if (next)
			way_hop_add(figures, over, at, next);
		if (next && hops < RECORD_HOPS_MAX) {
			way->hop[hops].segment = (uint16_t)over->index;
			way->hop[hops].station = (uint16_t)next->index;
		}
		at = next;
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
	/* Joined and reached between two looks: it took a step at most. */
	if (p->is_out && !p->is_searching)
		p->searching_from_us = now_us - r->step_us;
	if (p->is_out) {
		search_count(r, p, now_us);
		p->spell.is_over = true;
		p->spell.after = *way;
		spell_close(p, now_us);
	}
	p->is_out = false;
	p->way = *way;
}

/* The hop of a way whose ends, both with power and their link up, do not hear each other; -1: there is none. */
static int way_parted(const struct world *w, unsigned from, const struct record_way *way)
{
	for (unsigned i = 0; i < way->hops && i < RECORD_HOPS_MAX; i++) {
		const struct segment *g = w->segments[way->hop[i].segment];
		unsigned to = way->hop[i].station, a = 0, b = 0;

		while (a + 1 < g->end_count && g->ends[a].port->station->index != from)
			a++;
		while (b + 1 < g->end_count && g->ends[b].port->station->index != to)
			b++;
		if (g->model.state == LINK_UP && w->stations[from]->node && w->stations[to]->node &&
			!(link_model_hears(&g->model, a, b) && link_model_hears(&g->model, b, a)))
			return (int)i;
		from = to;
	}
	return -1;
}

static void pair_missed(const struct world *w, struct record_pair *p, enum pair_state state, uint64_t now_us)
{
	if (!p->is_out) {
		p->spell = (struct record_spell){
			.begin_us = now_us, .before = p->way, .parted = way_parted(w, p->a, &p->way)
		};
		p->is_out = true;
	}
	if (state == PAIR_SEARCHING && !p->is_searching)
		p->searching_from_us = now_us;
	p->is_searching = state == PAIR_SEARCHING;
	p->spell.last = state;
}

/* There and back. */
struct ways {
	struct record_way there, back;
	struct way_figures out, in;
};

/* Marks what packets of the class go over. False: they do not arrive, one way or the other. */
static bool ways_find(struct record *r, const struct record_pair *p, enum packet_class class, struct ways *ways)
{
	if (!way_follow(r, p->a, p->b, class, &ways->there, &ways->out) ||
		!way_follow(r, p->b, p->a, class, &ways->back, &ways->in))
		return false;
	way_mark(r, &ways->there);
	way_mark(r, &ways->back);
	return true;
}

static bool ways_bear(const struct ways *ways, enum plan_class class)
{
	return way_bears(&ways->out, class) && way_bears(&ways->in, class);
}

/* The state with its flags. */
static uint8_t pair_look(struct record *r, struct record_pair *p, const unsigned *groups, uint64_t now_us)
{
	const struct world *w = r->trial->world;
	struct ways ways;
	uint8_t state = PAIR_SEARCHING;

	if (!w->stations[p->a]->node || !w->stations[p->b]->node || groups[p->a] != groups[p->b]) {
		pair_missed(w, p, PAIR_APART, now_us);
		return PAIR_APART;
	}
	if (ways_find(r, p, CLASS_TEXT, &ways)) {
		pair_found(r, p, &ways.there, now_us);
		state = PAIR_REACHED | RECORD_TEXT;
	} else {
		pair_missed(w, p, PAIR_SEARCHING, now_us);
	}
	if (ways_find(r, p, CLASS_COMMAND, &ways))
		state |= RECORD_COMMAND | (ways_bear(&ways, PLAN_VOICE) ? RECORD_VOICE : 0);
	if (ways_find(r, p, CLASS_BULK, &ways) && ways_bear(&ways, PLAN_BULK))
		state |= RECORD_BULK;
	return state;
}

static void sites_count(struct record *r, unsigned sample)
{
	const struct trial *t = r->trial;

	for (unsigned i = 0; i < t->plan->node_count; i++) {
		if (t->places)
			r->now.places[i] = t->places[i].at;
		if (r->site_pairs[i] < 0)
			continue;
		unsigned pair = (unsigned)r->site_pairs[i];

		r->now.served[i] = record_bears(r, sample, pair, PLAN_TEXT);
		for (enum plan_class class = PLAN_TEXT; class < PLAN_CLASSES; class ++)
			r->served[class][sample] += record_bears(r, sample, pair, class);
	}
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
	unsigned *groups = whole_groups(w, CLASS_TEXT);
	for (unsigned i = 0; i < r->pair_count; i++) {
		uint8_t state = pair_look(r, &r->pairs[i], groups, now_us);

		r->states[(size_t)sample * r->pair_count + i] = state;
		r->reached[sample] += (state & 3) == PAIR_REACHED;
		r->joined[sample] += (state & 3) != PAIR_APART;
	}
	free(groups);
	sites_count(r, sample);
	r->now.sample = sample;
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

/* --- what came of it ------------------------------------------------------------------------------ */

void record_out(const struct record *r, unsigned pair, enum plan_class class, struct record_out *out)
{
	uint64_t spell_us = 0;

	*out = (struct record_out){ 0 };
	for (unsigned i = 0; i < r->sample_count; i++) {
		if (!record_counts(r, i))
			continue;
		out->is_still = !record_bears(r, i, pair, class);
		spell_us = out->is_still ? spell_us + r->step_us : 0;
		out->total_us += out->is_still ? r->step_us : 0;
		out->longest_us = spell_us > out->longest_us ? spell_us : out->longest_us;
	}
}

/* An outage after contact is worse than none yet; the longer is worse. */
static bool is_worse(const struct record_pair *a, const struct record_pair *b)
{
	if (!b || (a->worst.before.hops > 0) != (b->worst.before.hops > 0))
		return !b || a->worst.before.hops > 0;
	uint64_t first = a->worst.end_us - a->worst.begin_us, second = b->worst.end_us - b->worst.begin_us;

	return first != second ? first > second : a->is_watched && !b->is_watched;
}

const struct record_pair *record_worst(const struct record *r, bool must_be_over)
{
	const struct record_pair *worst = NULL;

	for (unsigned i = 0; i < r->pair_count; i++) {
		const struct record_pair *p = &r->pairs[i];

		if (p->worst.end_us != p->worst.begin_us && (p->worst.is_over || !must_be_over) && is_worse(p, worst))
			worst = p;
	}
	return worst;
}
