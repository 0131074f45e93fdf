/* From plan to world, through its time, to a verdict on each expectation. */
#include "sim/world/record.h"
#include "sim/world/transfer.h"
#include "sim/world/trial.h"
#include "sim/world/voice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_STEPS 1000

static void trial_deliver(void *user, struct station *s, struct bytes packet)
{
	trial_traffic_deliver(user, s, packet);
}

static bool is_counted(enum node_event event)
{
	return event == NODE_ROUTE_MOVED || event == NODE_NEIGHBOUR_UP || event == NODE_NEIGHBOUR_DOWN;
}

static void trial_say(void *user, struct station *s, enum node_event event, const char *text)
{
	struct trial *t = user;

	enum plan_measure measure = event == NODE_ROUTE_MOVED ? PLAN_MOVES : PLAN_SESSIONS;

	for (unsigned i = 0; i < t->plan->expect_count && is_counted(event); i++)
		if (t->expect[i].conf->measure == measure && t->expect[i].conf->from == s->index &&
			station_time_us(s) >= t->expect[i].conf->after_us)
			t->expect[i].moves++;
	if (t->log)
		fprintf(t->log, "%12.6f %s: %s: %s\n", (double)station_time_us(s) / 1e6, s->name,
			node_event_name(event), text);
}

/* That of a station before it, if that is behind the same one. */
static struct nat_box *box_of(const struct trial *t, const struct plan_port *port, const struct station *s)
{
	for (unsigned i = 0; i < s->index && port->box; i++)
		for (unsigned k = 0; k < t->plan->nodes[i].port_count; k++)
			if (t->plan->nodes[i].ports[k].box == port->box)
				return nat_share(t->world->stations[i]->ports[k]->nat);
	return nat_new(port->nat, port->hairpins, s->index);
}

static bool build_station(struct trial *t, const struct plan_node *conf)
{
	struct station *s = station_new(t->world, conf->name, conf->level);

	for (unsigned i = 0; i < conf->prefix_count; i++)
		if (station_prefix_add(s, &conf->prefixes[i]))
			return false;
	s->classes = conf->classes;
	s->is_plain = conf->is_plain;
	if (conf->expires_min)
		station_expires(s, conf->expires_min);
	for (unsigned i = 0; i < conf->port_count; i++) {
		const struct plan_port *port = &conf->ports[i];
		struct port *p = station_port_add(s, &port->config);

		if (!p)
			return false;
		p->config.is_unbudgeted = t->plan->is_unbudgeted;
		if (port->nat != NAT_NONE)
			p->nat = box_of(t, port, s);
	}
	return true;
}

static bool build_segment(struct trial *t, const struct plan_link *conf)
{
	struct segment *g = segment_new(t->world, conf->name, conf->preset->wired, conf->is_lan);

	g->is_silent = conf->is_silent;
	for (unsigned i = 0; i < conf->end_count; i++) {
		struct port *p = t->world->stations[conf->ends[i].node]->ports[conf->ends[i].port];

		if (p->config.is_thin && conf->params[i > 0].pace_us)
			p->pace_us = conf->params[i > 0].pace_us;
		if (segment_join(g, p) < 0)
			return false;
	}
	for (unsigned i = 1; i < conf->end_count && !conf->is_lan && !conf->is_silent; i++)
		if (port_target_add(g->ends[0].port, &g->ends[i].port->self))
			return false;
	if (segment_open(g, conf->preset->shared, conf->params, conf->state))
		return false;
	for (unsigned i = 0; i < conf->deaf_count; i++)
		link_model_deafen(&g->model, conf->deaf[i].a, conf->deaf[i].b);
	return true;
}

static bool share_is_of(const struct plan_expect *e, const struct plan *p, unsigned link)
{
	if (e->measure != PLAN_SHARE || e->over_us)
		return false;
	if (e->is_thin || e->kind)
		return e->is_thin ? plan_link_is_thin(&p->links[link]) : e->kind == p->links[link].preset;
	return e->from == link;
}

/* Whom it may meet has an address now. */
static bool build_guest(struct trial *t, unsigned i)
{
	const struct plan_node *conf = &t->plan->nodes[i];
	struct guest_scope scope = { .classes = GUEST_ALL, .agency_len = (uint8_t)strlen(conf->guest_agency) };

	if (!conf->guest_to_count)
		return true;
	memcpy(scope.agency, conf->guest_agency, scope.agency_len);
	for (unsigned k = 0; k < conf->guest_to_count; k++)
		scope.to[scope.to_count++] = prefix_of_host(t->world->stations[conf->guest_to[k]]->address);
	return station_guest(t->world->stations[i], &scope, conf->guest_min) == 0;
}

static bool build(struct trial *t)
{
	const struct plan *p = t->plan;

	for (unsigned i = 0; i < p->node_count; i++)
		if (!build_station(t, &p->nodes[i]))
			return false;
	for (unsigned i = 0; i < p->node_count; i++)
		if (!build_guest(t, i))
			return false;
	for (unsigned i = 0; i < p->link_count; i++)
		if (!build_segment(t, &p->links[i]))
			return false;
	for (unsigned i = 0; i < p->expect_count; i++) {
		t->expect[i] = (struct trial_expect){ .trial = t, .index = i, .conf = &p->expect[i], .measured = -1 };
		for (unsigned k = 0; k < p->link_count; k++)
			if (share_is_of(&p->expect[i], p, k))
				t->world->segments[k]->judged_from_us = p->expect[i].after_us;
	}
	trial_steer_init(t);
	trial_traffic_init(t);
	trial_attack_init(t);
	trial_watch_init(t);
	if (trial_supply_init(t) || trial_roam_init(t))
		return false;
	if (p->is_acquainted)
		disk_acquaint(t->world);
	for (unsigned i = 0; i < p->node_count; i++)
		if (p->nodes[i].power)
			trial_power_on(t, i);
	return true;
}

struct trial *trial_new(const struct plan *plan, uint64_t seed, FILE *log)
{
	struct trial *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->plan = plan;
	t->log = log;
	t->world = world_new(seed);
	t->events = calloc(plan->event_count + 1, sizeof(*t->events));
	t->flows = calloc(plan->flow_count + 1, sizeof(*t->flows));
	t->expect = calloc(plan->expect_count + 1, sizeof(*t->expect));
	t->transfers = calloc(plan->file_count + 1, sizeof(*t->transfers));
	t->voices = calloc(plan->group_count + 1, sizeof(*t->voices));
	t->strays = calloc(plan->node_count + 1, sizeof(*t->strays));
	t->attacks = calloc(plan->attack_count + 1, sizeof(*t->attacks));
	if (!t->world || !t->events || !t->flows || !t->expect || !t->transfers || !t->voices || !t->strays ||
		!t->attacks) {
		trial_free(t);
		return NULL;
	}
	t->world->user = t;
	t->world->deliver = trial_deliver;
	t->world->say = trial_say;
	t->world->is_watched = log; /* its lines are in order */
	if (!build(t)) {
		trial_free(t);
		return NULL;
	}
	return t;
}

void trial_free(struct trial *t)
{
	world_free(t->world);
	if (t->flows && t->transfers && t->voices)
		trial_traffic_done(t);
	if (t->attacks)
		trial_attack_done(t);
	free(t->supplies);
	free(t->places);
	free(t->watches);
	free(t->events);
	free(t->flows);
	free(t->transfers);
	free(t->voices);
	free(t->strays);
	free(t->expect);
	free(t);
}

/* --- the verdict ---------------------------------------------------------------------- */

static void judge_flow(const struct trial *t, struct trial_expect *e)
{
	struct trial_flow *f = &t->flows[e->conf->from];
	bool is_fallen = e->conf->measure == PLAN_FALLEN;
	uint32_t of = is_fallen ? f->received : f->sent; /* nothing is said of nothing */
	uint64_t gap_us = f->gap_us;

	/* What never came again. */
	if (f->sent_us > f->last_us && f->sent_us - f->last_us > gap_us)
		gap_us = f->sent_us - f->last_us;
	if (e->conf->measure == PLAN_GAP)
		e->measured = (double)gap_us / 1e6;
	else if (of)
		e->measured = is_fallen ? (double)f->fallen / of : 1 - (double)f->received / of;
	else
		e->measured = 0;
	e->is_met = of && e->measured <= e->conf->at_most;
}

static void judge_file(const struct trial *t, struct trial_expect *e, unsigned file)
{
	const struct transfer *f = &t->transfers[file];

	if (f->receiver.whole_us) {
		e->measured = (double)(f->receiver.whole_us - WORLD_START_US - f->conf->start_us) / 1e6;
		e->is_met = e->measured <= e->conf->at_most;
		if (!e->is_met)
			snprintf(e->detail, sizeof(e->detail), "it took %.1f s", e->measured);
	} else {
		double came = (double)f->receiver.most * SEGMENT_SIZE / f->conf->size;

		snprintf(e->detail, sizeof(e->detail), "%.0f %% of it came", came < 0.99 ? 100 * came : 99);
	}
}

/* Of all members, the one that missed most. */
static void judge_voice(const struct trial *t, struct trial_expect *e)
{
	const struct voice *v = &t->voices[e->conf->from];
	unsigned worst = 0;

	for (unsigned i = 0; i < v->conf->member_count; i++) {
		struct voice_outcome o = voice_outcome(v, i, e->conf->after_us);
		double missed = o.wanted ? 1 - (double)o.in_time / o.wanted : -1;

		if (missed <= e->measured)
			continue;
		e->measured = missed;
		worst = i;
	}
	e->is_met = e->measured >= 0 && e->measured <= e->conf->at_most;
	if (e->measured < 0)
		snprintf(e->detail, sizeof(e->detail), "nobody spoke");
	else
		snprintf(e->detail, sizeof(e->detail), "%s missed %.1f %%", v->members[worst].station->name,
			100 * e->measured);
}

/* Of several links, the one that spent the largest share on control. */
static void judge_share(const struct trial *t, struct trial_expect *e)
{
	e->measured = 0;
	for (unsigned i = 0; i < t->plan->link_count; i++) {
		double share = segment_control_share(t->world->segments[i]);

		if (!share_is_of(e->conf, t->plan, i) || share < e->measured)
			continue;
		e->measured = share;
		if (e->conf->is_thin || e->conf->kind)
			snprintf(e->detail, sizeof(e->detail), "%s needs most", t->plan->links[i].name);
	}
}

void trial_expect_look(struct trial_expect *e, uint64_t now_us, bool is_so)
{
	if (!is_so) {
		e->measured = -1;
	} else if (e->measured < 0) {
		e->measured = (double)(now_us - WORLD_START_US - e->conf->after_us) / 1e6;
		e->detail[0] = '\0';
	}
	e->is_met = e->measured >= 0 && e->measured <= e->conf->at_most;
}

static void judge(struct trial *t, struct trial_expect *e)
{
	switch (e->conf->measure) {
	case PLAN_REACH:
		if (e->conf->class == PLAN_BULK)
			judge_file(t, e, e->conf->file);
		return; /* else when it happened */
	case PLAN_WHOLE:
	case PLAN_REVOKED:
	case PLAN_KNOWN:
	case PLAN_DELIVERED:
		return; /* when it happened */
	case PLAN_OUTAGE:
		trial_outage_judge(e);
		return;
	case PLAN_ARRIVES:
		judge_file(t, e, e->conf->from);
		return;
	case PLAN_USABLE:
		judge_voice(t, e);
		return;
	case PLAN_GAP:
	case PLAN_LOST:
	case PLAN_FALLEN:
		judge_flow(t, e);
		return;
	case PLAN_SHARE:
		if (e->conf->over_us)
			return; /* when its time was over */
		judge_share(t, e);
		break;
	case PLAN_CARRIED:
		trial_carried_judge(e);
		return;
	case PLAN_MOVES:
		e->measured = (double)e->moves;
		break;
	case PLAN_SESSIONS:
	case PLAN_ENTRIES:
	case PLAN_ROUTED:
	case PLAN_RELAYED:
	case PLAN_FLOOR:
		trial_guard_judge(e);
		return;
	}
	e->is_met = e->measured <= e->conf->at_most;
}

static void advance(struct trial *t, uint64_t until_us)
{
	for (; t->record && t->record->next_us <= until_us; record_sample(t->record))
		world_run(t->world, WORLD_START_US + t->record->next_us);
	world_run(t->world, WORLD_START_US + until_us);
}

/* Nothing is expected but moments, and all of them came a while ago. */
static bool is_over(struct trial *t)
{
	const char *attack;

	if (!t->plan->linger_us || trial_attack_missing(t, &attack))
		return false;
	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		const struct plan_expect *e = t->expect[i].conf;

		if (!t->expect[i].is_met ||
			(e->measure != PLAN_WHOLE && (e->measure != PLAN_REACH || e->class == PLAN_BULK)))
			return false;
	}
	if (!t->met_us)
		t->met_us = t->world->now_us;
	return t->world->now_us >= t->met_us + t->plan->linger_us;
}

void trial_run(struct trial *t, void (*progress)(double share, double virtual_s))
{
	for (unsigned i = 1; i <= PROGRESS_STEPS && !is_over(t); i++) {
		advance(t, t->plan->duration_us * i / PROGRESS_STEPS);
		bounds_look(t->world);
		if (progress)
			progress((double)i / PROGRESS_STEPS, (double)world_time_us(t->world) / 1e6);
	}
	letters_look(t->world);
	for (unsigned i = 0; i < t->plan->expect_count; i++)
		judge(t, &t->expect[i]);
	world_close(t->world);
	if (t->record)
		record_end(t->record);
}

bool trial_is_passed(const struct trial *t)
{
	char failure[PLAN_ERROR_MAX];

	return !trial_failure(t, failure);
}

bool trial_failure(const struct trial *t, char text[PLAN_ERROR_MAX])
{
	const char *attack, *node;
	char what[200];

	if (t->world->loops) {
		snprintf(text, PLAN_ERROR_MAX, "no loop: %s", t->world->loop);
		return true;
	}
	if (t->world->nonces_repeated) {
		snprintf(text, PLAN_ERROR_MAX, "%llu frames were sealed with a nonce that their key had seen",
			(unsigned long long)t->world->nonces_repeated);
		return true;
	}
	if (trial_strays(t)) {
		snprintf(text, PLAN_ERROR_MAX, "%llu packets were delivered to another node than they were sent to",
			(unsigned long long)trial_strays(t));
		return true;
	}
	if (trial_attack_missing(t, &attack)) {
		snprintf(text, PLAN_ERROR_MAX, "attack %s: nothing came of it", attack);
		return true;
	}
	if (trial_damage_unnoticed(t, &node)) {
		snprintf(text, PLAN_ERROR_MAX, "damage %s: no refresh has told of it", node);
		return true;
	}
	if (world_breach(t->world)) {
		snprintf(text, PLAN_ERROR_MAX, "no breach: %s", world_breach(t->world));
		return true;
	}
	for (unsigned i = 0; i < t->plan->expect_count; i++) {
		const struct trial_expect *e = &t->expect[i];

		if (e->is_met)
			continue;
		trial_expect_text(t, e, what, sizeof(what));
		snprintf(text, PLAN_ERROR_MAX, "%s%s%s", what, e->detail[0] ? ": " : "", e->detail);
		return true;
	}
	return false;
}
