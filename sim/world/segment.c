/*
 * Segments: what lies between ports. A frame is offered to the link model, which
 * says when each end hears it, and waits until then; a cut in between loses it.
 *
 *   end ──── NAT box ──┐                a terminal calls; its box (nat.h) has a port
 *   (port->nat)        ├── path ──►     for it, takes frames only from where
 *   others ────────────┘                it sent to, and forgets it when idle
 *
 * On a LAN every end is known by a hardware address and a frame may go to all. On
 * other segments frames are addressed, as in UDP over the internet.
 */
#include "sim/world/lane.h"
#include "sim/world/nat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_US (10 * SECOND_US)

struct flight {
	struct arrival arrival; /* first */
	struct segment *segment;
	uint64_t epoch;
	unsigned from, to;
	bool is_addressed;
	struct endpoint source, destination;
	struct sealed sealed;
	size_t len;
	uint8_t data[];
};

/* What waits for the other lanes' offers to the same medium. */
struct offer {
	uint64_t now_us;
	struct segment *segment;
	unsigned from;
	int target;
	bool is_addressed, is_data;
	struct sealed sealed;
	struct endpoint to, source;
	size_t len;
	uint8_t data[];
};

struct offer_room {
	alignas(struct offer) uint8_t bytes[sizeof(struct offer) + NODE_FRAME_MAX];
};

/* --- building ---------------------------------------------------------------------------- */

struct segment *segment_new(struct world *w, const char *name, bool is_wired, bool is_lan)
{
	struct segment *g = world_alloc(sizeof(*g));

	if (w->segment_count == w->segment_capacity) {
		w->segment_capacity = w->segment_capacity ? 2 * w->segment_capacity : 16;
		w->segments = realloc(w->segments, w->segment_capacity * sizeof(struct segment *));
		if (!w->segments)
			abort();
	}
	g->w = w;
	g->index = w->segment_count;
	g->is_wired = is_wired;
	g->is_lan = is_lan;
	snprintf(g->name, sizeof(g->name), "%s", name);
	w->segments[w->segment_count++] = g;
	return g;
}

void segment_free(struct segment *g)
{
	link_model_done(&g->model);
	free(g);
}

struct segment *segment_find(const struct world *w, const char *name)
{
	for (unsigned i = 0; i < w->segment_count; i++)
		if (strcmp(w->segments[i]->name, name) == 0)
			return w->segments[i];
	return NULL;
}

int segment_join(struct segment *g, struct port *p)
{
	if (g->end_count == LINK_ENDS_MAX)
		return -ENOSPC;
	struct segment_end *e = &g->ends[g->end_count];

	*e = (struct segment_end){ .port = p };
	p->attachments = realloc(p->attachments, (p->attachment_count + 1) * sizeof(*p->attachments));
	if (!p->attachments)
		abort();
	p->attachments[p->attachment_count++] = (struct attachment){ g, g->end_count };
	g->w->is_divided = false;
	g->end_count++;
	segment_name_ends(p);
	return (int)g->end_count - 1;
}

void segment_name_ends(const struct port *p)
{
	for (unsigned i = 0; i < p->attachment_count; i++)
		p->attachments[i].segment->end_keys[p->attachments[i].end] =
			address_key(&p->station->neighbour_address);
}

static void segment_keep_params(struct segment *g, const struct link_params params[2])
{
	uint64_t up = params[0].rate_bps, down = params[1].rate_bps;

	memcpy(g->params, params, sizeof(g->params));
	g->rate_bps = up && (!down || up < down) ? up : down;
}

int segment_open(struct segment *g, bool is_shared, const struct link_params params[2], enum link_state state)
{
	segment_keep_params(g, params);
	int error = link_model_init(&g->model, g->end_count, is_shared, params, prng_next(&g->w->prng));

	g->model.state = state;
	return error;
}

/* --- carrier ------------------------------------------------------------------------------- */

static bool end_has_carrier(const struct segment *g, unsigned end)
{
	const struct segment_end *e = &g->ends[end];

	/* Behind the internet nobody sees whether the line of another has a carrier. */
	if (g->model.state == LINK_CUT && (g->is_lan || e->port->nat))
		return false;
	for (unsigned i = 0; g->is_wired && g->end_count == 2 && i < 2; i++)
		if (!g->ends[i].port->station->node)
			return false;
	return true;
}

bool port_has_carrier(const struct port *p)
{
	for (unsigned i = 0; i < p->attachment_count; i++)
		if (end_has_carrier(p->attachments[i].segment, p->attachments[i].end))
			return true;
	return false;
}

void segment_look_for_carriers(struct segment *g)
{
	for (unsigned end = 0; end < g->end_count; end++) {
		struct port *p = g->ends[end].port;

		if (!p->station->node || port_has_carrier(p) == p->is_up)
			continue;
		uint64_t due_us = g->w->now_us + prng_below(&g->w->prng, WORLD_CARRIER_US);
		if (due_us < p->carrier.due_us)
			station_timer_set(p->station, &p->carrier, due_us);
	}
}

void segment_set_state(struct segment *g, enum link_state state)
{
	if (state != LINK_UP && g->model.state == LINK_UP)
		g->epoch++;
	g->model.state = state;
	segment_look_for_carriers(g);
}

void segment_set_params(struct segment *g, const struct link_params params[2])
{
	segment_keep_params(g, params);
	link_model_set(&g->model, params);
	lanes_notice(g);
}

void segment_forget_flows(struct segment *g, struct station *s)
{
	for (unsigned i = 0; i < g->end_count; i++)
		if (g->ends[i].port->station == s && g->ends[i].port->nat)
			nat_forget(g->ends[i].port->nat);
}

/* --- traffic ----------------------------------------------------------------------------------- */

static void segment_count(struct segment_end *e, const struct segment *g, uint64_t now_us, uint32_t bytes, bool is_data)
{
	e->traffic.frames++;
	e->traffic.bytes += bytes;
	if (is_data)
		e->traffic.data_bytes += bytes;
	else if (now_us - WORLD_START_US >= g->judged_from_us)
		e->window_bytes += bytes;
}

static uint64_t segment_window_bytes(const struct segment *g)
{
	uint64_t bytes = 0;

	for (unsigned end = 0; end < g->end_count; end++)
		bytes += g->ends[end].window_bytes;
	return bytes;
}

/* The ten seconds are over. */
static void traffic_fold(struct timer *timer, uint64_t now_us)
{
	struct world *w = container_of(timer, struct world, traffic_fold);

	for (unsigned i = 0; i < w->segment_count; i++) {
		struct segment *g = w->segments[i];
		uint64_t bytes = segment_window_bytes(g);

		if (bytes > g->worst_bytes)
			g->worst_bytes = bytes;
		for (unsigned end = 0; end < g->end_count; end++)
			g->ends[end].window_bytes = 0;
	}
	timer_set(&w->heap, timer, now_us + WINDOW_US);
}

void segment_fold_start(struct world *w)
{
	timer_init(&w->traffic_fold, traffic_fold);
	timer_set(&w->heap, &w->traffic_fold, w->now_us + WINDOW_US);
}

double segment_control_share(const struct segment *g)
{
	uint64_t bytes = segment_window_bytes(g);

	if (bytes < g->worst_bytes)
		bytes = g->worst_bytes;
	return g->rate_bps ? (double)bytes * 8 / ((double)g->rate_bps * WINDOW_US / SECOND_US) : 0;
}

struct segment_traffic segment_traffic(const struct segment *g)
{
	struct segment_traffic sum = { 0 };

	for (unsigned end = 0; end < g->end_count; end++) {
		const struct segment_traffic *t = &g->ends[end].traffic;

		sum.frames += t->frames;
		sum.bytes += t->bytes;
		sum.data_bytes += t->data_bytes;
		sum.lost_frames += t->lost_frames;
		sum.copies += t->copies;
		sum.heard_frames += t->heard_frames;
		sum.deaf_frames += t->deaf_frames;
		sum.flying_frames += t->flying_frames;
	}
	return sum;
}

uint64_t segment_latency_us(const struct segment *g)
{
	uint64_t least_us = NEVER;

	for (unsigned i = 0; i < 2; i++) {
		const struct link_params *p = &g->params[i];
		uint64_t less_us = (uint64_t)p->jitter_us + p->shift_us;
		uint64_t delay_us = p->delay_us > less_us ? p->delay_us - less_us : 0;

		if (delay_us < least_us)
			least_us = delay_us;
	}
	return least_us ? least_us : 1;
}

/* --- frames ------------------------------------------------------------------------------------- */

static void flight_land(struct arrival *a, uint64_t now_us)
{
	struct flight *f = container_of(a, struct flight, arrival);
	struct segment *g = f->segment;
	struct segment_end *to = &g->ends[f->to];
	struct station *s = to->port->station;

	/* Timers that are due run before the sockets are read. */
	if (s->node && now_us <= s->stalled_until_us) {
		a->due_us = s->stalled_until_us + 1;
		arrival_keep(a);
		return;
	}
	bool is_heard = f->epoch == g->epoch && s->node && to->port->is_up;
	if (is_heard && to->port->nat && f->is_addressed)
		is_heard = nat_in(to->port->nat, now_us, to->port, g, f->from, &f->source, &f->destination);
	station_note(s, is_heard ? 'F' : 'D', g->index, bytes_of(f->data, f->len));
	to->traffic.flying_frames--; /* others count it up: only their sum tells */
	if (is_heard) {
		to->traffic.heard_frames++;
		ledger_handed(to->port, &f->sealed, bytes_of(f->data, f->len));
		node_frames_in(
			s->node, now_us, to->port->number, &(struct node_frame){ f->source, f->data, f->len }, 1);
		ledger_handled(s);
		station_settle(s);
	} else {
		to->traffic.lost_frames++;
	}
	arrival_free(a);
}

void flight_fetch(const struct arrival *a)
{
	const struct flight *f = container_of(a, struct flight, arrival);
	const struct segment *g = f->segment;

	fetch(&g->ends[f->to], 1);
	fetch(&g->ends[f->to].traffic.deaf_frames, 1);
	fetch(&g->epoch, 1);
}

static struct offer *offer_init(struct offer_room *room, uint64_t now_us, const struct endpoint *to, struct bytes frame)
{
	struct offer *o = (struct offer *)room->bytes;

	*o = (struct offer){ .now_us = now_us, .is_addressed = to, .len = frame.len };
	if (to)
		o->to = *to;
	memcpy(o->data, frame.data, frame.len);
	return o;
}

/* Where several are due at once, by what they came over. */
static uint64_t flight_order(const struct segment *g, unsigned from, uint64_t number)
{
	return (uint64_t)g->index << 44 | (uint64_t)from << 40 | number;
}

static void flight_launch(struct segment *g, const struct offer *o, unsigned to, uint64_t due_us)
{
	struct segment_end *from = &g->ends[o->from];
	struct flight *f = container_of(
		arrival_new(from->port->station->lane, sizeof(*f) + o->len + NODE_TAILROOM), struct flight, arrival);

	f->arrival.land = flight_land;
	f->arrival.to = g->ends[to].port->station;
	f->arrival.due_us = due_us > o->now_us ? due_us : o->now_us + 1;
	f->arrival.order = flight_order(g, o->from, from->launched++);
	f->segment = g;
	f->epoch = g->epoch;
	f->from = o->from;
	f->to = to;
	f->is_addressed = o->is_addressed;
	f->destination = o->to;
	f->source = o->source;
	f->sealed = o->sealed;
	from->traffic.flying_frames++;
	f->len = o->len;
	memcpy(f->data, o->data, o->len);
	lane_send(g->w->is_apart ? from->port->station->lane : NULL, &f->arrival);
}

/* With what somebody adds to it. */
static uint64_t held_until_us(const struct segment *g, const struct offer *o, unsigned to, uint64_t due_us)
{
	const struct world *w = g->w;

	if (!w->interfere)
		return due_us;
	return due_us + w->interfere(w->interfere_user, g, o->from, to, &o->source, o->is_addressed ? &o->to : NULL,
				&o->sealed, bytes_of(o->data, o->len), due_us);
}

void segment_inject(struct segment *g, unsigned from, unsigned to, const struct endpoint *source,
	const struct endpoint *destination, const struct sealed *sealed, struct bytes frame)
{
	struct offer_room room;
	struct offer *o = offer_init(&room, g->w->now_us, destination, frame);

	o->source = *source;
	o->from = from;
	o->sealed = *sealed;
	if (g->w->offered)
		g->w->offered(g->w->offered_user, g, g->end_count, (int)to, destination, source, frame);
	g->ends[from].traffic.copies++;
	flight_launch(g, o, to, g->w->now_us);
}

/* Who is meant; -1: nobody. Which port its NAT box gave it is the box's to know. */
static int segment_find_end(const struct segment *g, unsigned from, const struct endpoint *to)
{
	for (unsigned i = 0; i < g->end_count; i++) {
		const struct segment_end *e = &g->ends[i];
		bool is_there =
			e->port->nat ? nat_leads_to(e->port->nat, e->port, to) : endpoint_equal(&e->port->self, to);

		if (i != from && is_there)
			return (int)i;
	}
	return -1;
}

static void segment_offer(struct segment *g, struct offer *o)
{
	struct segment_end *from = &g->ends[o->from];
	uint32_t bytes = (uint32_t)(o->len + from->port->config.overhead);
	struct link_fate fates[LINK_ENDS_MAX];

	segment_count(from, g, o->now_us, bytes, o->is_data);
	if (g->w->offered)
		g->w->offered(g->w->offered_user, g, o->from, o->target, o->is_addressed ? &o->to : NULL, &o->source,
			bytes_of(o->data, o->len));
	link_model_offer(&g->model, o->now_us - WORLD_START_US, o->from, o->target, bytes, fates);
	for (unsigned i = 0; i < g->end_count; i++) {
		if (i == o->from || (o->target >= 0 && i != (unsigned)o->target))
			continue;
		from->traffic.copies++;
		if (fates[i].verdict == LINK_DELIVER)
			flight_launch(g, o, i, held_until_us(g, o, i, fates[i].due_us + WORLD_START_US));
		else if (fates[i].verdict != LINK_DROP_DEAF)
			from->traffic.lost_frames++;
		else
			from->traffic.deaf_frames++;
	}
}

/* --- media that lanes share --------------------------------------------------------------------------- */

static void offer_put_off(struct lane *l, const struct offer *o)
{
	if (l->offer_count == l->offer_capacity) {
		l->offer_capacity = l->offer_capacity ? 2 * l->offer_capacity : 16;
		l->offers = realloc(l->offers, l->offer_capacity * sizeof(struct offer *));
		if (!l->offers)
			abort();
	}
	struct offer *kept = malloc(sizeof(*kept) + o->len);
	if (!kept)
		abort();
	memcpy(kept, o, sizeof(*kept) + o->len);
	l->offers[l->offer_count++] = kept;
}

static bool offer_is_before(const struct offer *a, const struct offer *b)
{
	if (a->now_us != b->now_us)
		return a->now_us < b->now_us;
	return a->segment->ends[a->from].port->station->index < b->segment->ends[b->from].port->station->index;
}

/* Each lane's are in order. */
void offers_settle(struct world *w)
{
	unsigned at[WORLD_THREADS_MAX] = { 0 };

	for (;;) {
		struct lane *first = NULL;

		for (unsigned i = 0; i < w->lane_count; i++) {
			struct lane *l = w->lanes[i];

			if (at[i] < l->offer_count &&
				(!first || offer_is_before(l->offers[at[i]], first->offers[at[first->index]])))
				first = l;
		}
		if (!first)
			break;
		struct offer *o = first->offers[at[first->index]++];
		segment_offer(o->segment, o);
		free(o);
	}
	for (unsigned i = 0; i < w->lane_count; i++)
		w->lanes[i]->offer_count = 0;
}

void port_send(struct port *p, const struct endpoint *to, struct bytes frame)
{
	struct station *s = p->station;
	struct offer_room room;
	struct offer *o = offer_init(&room, station_now_us(s), to, frame);

	nonce_look(p, frame);
	o->sealed = ledger_sent(p, frame);
	o->is_data = o->sealed.is_sealed && o->sealed.is_for_users;
	unsigned carried = 0;
	for (unsigned i = 0; i < p->attachment_count; i++) {
		const struct attachment *a = &p->attachments[i];

		if (!end_has_carrier(a->segment, a->end))
			continue;
		o->segment = a->segment;
		o->from = a->end;
		o->target = to ? segment_find_end(a->segment, a->end, to) : -1;
		if (to ? o->target < 0 : !a->segment->is_lan)
			continue;
		if (to && p->nat && !p->nat->hairpins && nat_has_address(p->nat, to))
			continue; /* its box is where that ends */
		carried++;
		o->source = p->self;
		if (to && p->nat)
			o->source = nat_out(p->nat, o->now_us, p, a->segment, (unsigned)o->target, to);
		if (a->segment->joins_lanes && a->segment->model.shared && s->w->is_apart)
			offer_put_off(s->lane, o);
		else
			segment_offer(a->segment, o);
	}
	ledger_carried(s, &o->sealed, carried);
}
