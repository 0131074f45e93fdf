/*
 * A station: a node core, its disk, and the host behind it. Power off loses all
 * but the disk: keys, certificates learned, the routing engine's seqno.
 */
#include "sim/world/lane.h"
#include "sim/world/nat.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_AFTER 60000000 /* minutes since 1970 */

struct packet_soon {
	struct list list; /* first: station_free() */
	struct timer timer;
	struct station *station;
	size_t len;
	uint8_t data[];
};

/* --- what a node says to its shell ---------------------------------------------------------- */

static void output_send(void *user, unsigned link, const struct endpoint *to, struct bytes frame)
{
	struct station *s = user;

	if (link >= s->port_count)
		return;
	port_send(s->ports[link], to, frame);
	if (s->ports[link]->pace_us)
		station_timer_set(s, &s->ports[link]->ready, *s->clock_us + s->ports[link]->pace_us);
}

static void output_deliver(void *user, struct bytes packet)
{
	struct station *s = user;

	station_note(s, 'P', 0, packet);
	ledger_delivered(s, packet);
	if (s->w->deliver)
		s->w->deliver(s->w->user, s, packet);
}

static void output_kernel_route(void *user, const struct node_kernel_route *route)
{
	struct station *s = user;

	station_note(s, 'K', route->way, bytes_of(NULL, 0));
}

static void output_store_seqno(void *user, uint32_t seqno)
{
	struct station *s = user;

	s->seqno = seqno;
	s->has_seqno = true;
}

static void output_store_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	struct station *s = user;

	if (!s->is_loading)
		disk_keep(s, encoded, proof);
}

static bool output_store_revocation(void *user, struct bytes encoded, uint32_t date)
{
	struct station *s = user;

	memcpy(s->revocation, encoded.data, encoded.len);
	s->revocation_len = encoded.len;
	if (date > s->t_lo)
		s->t_lo = date;
	station_note(s, 'r', 0, encoded);
	oracle_suspect_listed(s, encoded);
	return true;
}

static bool output_store_keys(void *user, struct bytes encoded)
{
	struct station *s = user;

	memcpy(s->keys, encoded.data, encoded.len);
	s->keys_len = encoded.len;
	station_note(s, 'k', 0, encoded);
	return true;
}

static void output_came_as(void *user, enum packet_class class)
{
	struct station *s = user;

	s->came_as = class;
}

static void output_way_moved(void *user, const struct prefix *prefix, enum babel_class class)
{
	oracle_suspect(user, prefix, class);
}

static void output_event(void *user, enum node_event event, unsigned link, const char *text)
{
	struct station *s = user;

	/* Not the words: whether somebody reads them must not change the hash. */
	station_note(s, 'E', (unsigned)event << 8 | link, bytes_of(NULL, 0));
	if (s->w->say)
		s->w->say(s->w->user, s, event, text);
}

static void output_inner(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	struct station *s = user;

	if (is_out)
		ledger_sealing(s, neighbour, inner);
	else
		ledger_opening(s, neighbour, inner);
	if (s->w->inner)
		s->w->inner(s->w->inner_user, s, is_out, link, neighbour, inner);
}

static void output_whole(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	struct station *s = user;

	(void)link;
	if (is_out && s->w->whole)
		s->w->whole(s->w->inner_user, s, neighbour, inner);
}

static void output_sealing(void *user, unsigned link, const struct secret_session *session)
{
	(void)link;
	nonce_sealing(user, session);
}

static const struct node_member *output_share_member(void *user, const struct node_member *member)
{
	struct station *s = user;

	return roll_enter(s->w->roll, member);
}

static const struct node_member *output_shared_member(void *user, const struct certificate *certificate)
{
	struct station *s = user;

	return roll_find(s->w->roll, certificate);
}

/* A terminal does not call itself, but what its NAT box is known by it does not know. */
static bool output_may_call(void *user, unsigned link, const struct endpoint *by, const struct endpoint *to)
{
	const struct station *s = user;

	(void)by;
	return !endpoint_equal(to, &s->ports[link]->self);
}

/* --- time -------------------------------------------------------------------------------------- */

void station_timer_set(struct station *s, struct timer *timer, uint64_t due_us)
{
	timer_set(&s->heap, timer, due_us < station_now_us(s) ? station_now_us(s) : due_us);
	lane_touch(s);
}

void station_settle(struct station *s)
{
	uint64_t due_us = s->node ? node_poll(s->node, station_now_us(s)) : NEVER;

	if (due_us < s->stalled_until_us)
		due_us = s->stalled_until_us;
	if (due_us != s->due.due_us)
		station_timer_set(s, &s->due, due_us);
}

static void station_due(struct timer *timer, uint64_t now_us)
{
	struct station *s = container_of(timer, struct station, due);

	station_note(s, 'T', 0, bytes_of(NULL, 0));
	if (now_us < s->stalled_until_us)
		station_timer_set(s, timer, s->stalled_until_us);
	else
		station_settle(s);
}

static void carriers_look(struct station *s)
{
	for (unsigned i = 0; i < s->port_count; i++)
		for (unsigned k = 0; k < s->ports[i]->attachment_count; k++)
			segment_look_for_carriers(s->ports[i]->attachments[k].segment);
}

/* --- enrolment ------------------------------------------------------------------------------------- */

/* New keys, and a certificate for them that says the same of the station. */
static void station_take_keys(struct station *s)
{
	struct random random = prng_random(&s->prng);
	struct enrolment *e = &s->enrolment;
	router_id rid;

	identity_generate(&e->identity, &random);
	e->certificate.key = e->identity.public;
	if (certificate_issue(&e->certificate, &s->w->authority))
		abort();
	s->address = identity_address(&e->identity.public, e->authority.deployment);
	identity_router_id(rid.bytes, &e->identity.public);
	s->neighbour_address = node_neighbour_address(&rid);
	for (unsigned i = 0; i < s->port_count; i++)
		segment_name_ends(s->ports[i]);
}

static void station_enrol(struct station *s, const char *name, enum level level)
{
	struct enrolment *e = &s->enrolment;
	struct certificate *c = &e->certificate;

	c->level = level;
	c->roles = level == LEVEL_SCENE ? 0 : ROLE_COMMAND_POST;
	c->not_before = WORLD_CLOCK_MIN;
	c->not_after = NOT_AFTER;
	c->name_len = (uint8_t)strlen(name);
	memcpy(c->name, name, strlen(name));
	e->authority = s->w->authority.public;
	memcpy(e->psk, s->w->authority.psk, KEY_LEN);
	station_take_keys(s);
}

struct station *station_new(struct world *w, const char *name, enum level level)
{
	struct station *s = world_alloc(sizeof(*s));

	if (w->station_count == w->station_capacity) {
		w->station_capacity = w->station_capacity ? 2 * w->station_capacity : 16;
		w->stations = realloc(w->stations, w->station_capacity * sizeof(struct station *));
		if (!w->stations)
			abort();
	}
	s->w = w;
	s->index = w->station_count;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->clock_us = &w->now_us;
	s->chain = chain_new();
	heap_init(&s->heap);
	list_init(&s->pending);
	timer_init(&s->due, station_due);
	s->t_lo = WORLD_CLOCK_MIN;
	prng_seed(&s->prng, prng_next(&w->prng));
	station_enrol(s, s->name, level);
	w->stations[w->station_count++] = s;
	w->is_divided = false;
	return s;
}

int station_prefix_add(struct station *s, const struct prefix *prefix)
{
	struct certificate *c = &s->enrolment.certificate;

	if (c->prefix_count == CERTIFICATE_PREFIX_MAX)
		return -ENOSPC;
	c->prefixes[c->prefix_count++] = *prefix;
	s->prefixes[s->prefix_count++] = *prefix;
	return certificate_issue(c, &s->w->authority);
}

void station_expires(struct station *s, uint32_t not_after)
{
	s->enrolment.certificate.not_after = not_after;
	if (certificate_issue(&s->enrolment.certificate, &s->w->authority))
		abort();
}

int station_guest(struct station *s, const struct guest_scope *scope, uint32_t minutes)
{
	struct certificate *c = &s->enrolment.certificate;

	c->roles = ROLE_GUEST;
	c->guest = *scope;
	c->not_after = c->not_before + minutes;
	return certificate_issue(c, &s->w->authority);
}

void station_free(struct station *s)
{
	heap_done(&s->heap); /* it still knows the timers of the ports */
	for (unsigned i = 0; i < s->port_count; i++) {
		free(s->ports[i]->attachments);
		nat_free(s->ports[i]->nat);
		free(s->ports[i]);
	}
	arrivals_free(s);
	list_for_each (at, next, &s->pending)
		free(at); /* the first member of each */
	if (s->node)
		node_free(s->node);
	enrolment_done(&s->enrolment);
	disk_forget(s);
	letters_forget(s);
	nonces_forget(s);
	ledger_done(s);
	free(s->chain);
	free(s);
}

struct station *station_find(const struct world *w, const char *name)
{
	for (unsigned i = 0; i < w->station_count; i++)
		if (strcmp(w->stations[i]->name, name) == 0)
			return w->stations[i];
	return NULL;
}

/* --- the clock -------------------------------------------------------------------------------------------- */

static uint32_t station_clock_min(const struct station *s)
{
	int64_t minutes = WORLD_CLOCK_MIN + (int64_t)(world_time_us(s->w) / SECOND_US / 60) + s->clock_ahead_min;

	return minutes > 0 ? (uint32_t)minutes : 0;
}

static void clock_tell(struct station *s)
{
	node_clock_set(s->node, s->w->now_us, 60ull * station_clock_min(s));
}

void station_set_clock(struct station *s, uint32_t minutes, bool is_trusted)
{
	s->clock_ahead_min += (int64_t)minutes - station_clock_min(s);
	s->clock_is_trusted = is_trusted;
	if (!s->node)
		return;
	station_note(s, 'c', minutes, bytes_of(NULL, 0));
	clock_tell(s);
	station_settle(s);
}

/* As the daemon's shell has it: what a clock without proof says moves nothing. */
static struct time_floor station_floor(struct station *s)
{
	if (s->clock_is_trusted && station_clock_min(s) > s->t_lo)
		s->t_lo = station_clock_min(s);
	return (struct time_floor){ s->t_lo };
}

/* --- power --------------------------------------------------------------------------------------------- */

void station_power_on(struct station *s)
{
	static const struct node_output output = { output_send, output_deliver, output_kernel_route, output_store_seqno,
		output_store_certificate, output_event, output_inner, output_whole, output_way_moved, output_came_as,
		output_sealing, output_share_member, output_shared_member, output_may_call, output_store_revocation,
		output_store_keys, letters_keep, NULL, NULL };
	const struct node_config config = { .enrolment = &s->enrolment,
		.time_floor = station_floor(s),
		.is_plain = s->is_plain,
		.has_stored_seqno = s->has_seqno,
		.stored_seqno = s->seqno,
		.is_wordless = !s->w->is_watched,
		.random = prng_random(&s->prng) };

	if (s->node)
		return;
	if (s->t_lo > s->enrolment.certificate.not_after) {
		station_note(s, 'x', 0, bytes_of(NULL, 0));
		return;
	}
	station_note(s, '+', 0, bytes_of(NULL, 0));
	s->is_loading = true;
	s->node = node_new(&config, &output, s, s->w->now_us);
	if (!s->node)
		abort();
	if (s->classes && node_classes_set(s->node, s->classes) < 0)
		abort();
	s->born_us = s->w->now_us;
	s->stalled_until_us = 0;
	if (s->revocation_len)
		node_revocation_restore(s->node, bytes_of(s->revocation, s->revocation_len));
	node_keys_restore(s->node, bytes_of(s->keys, s->keys_len));
	for (unsigned i = 0; i < s->certificate_count; i++) {
		const struct stored_certificate *c = &s->certificates[i];

		node_certificate_restore(s->node, disk_read(c), c->proof);
	}
	letters_restore(s);
	s->is_loading = false;
	for (unsigned i = 0; i < s->port_count; i++)
		port_start(s->ports[i]);
	for (unsigned i = 0; i < s->prefix_count; i++)
		node_originate(s->node, s->w->now_us, &s->prefixes[i]);
	clock_tell(s);
	station_settle(s);
	carriers_look(s);
}

void station_power_off(struct station *s)
{
	if (!s->node)
		return;
	station_note(s, '-', 0, bytes_of(NULL, 0));
	ledger_close(s);
	node_free(s->node);
	s->node = NULL;
	nonces_forget(s);
	station_timer_set(s, &s->due, NEVER);
	for (unsigned i = 0; i < s->port_count; i++)
		port_stop(s->ports[i]);
	carriers_look(s);
}

void station_leave(struct station *s)
{
	if (!s->node)
		return;
	node_shutdown(s->node, s->w->now_us);
	station_power_off(s);
}

void station_wipe(struct station *s)
{
	station_note(s, 'W', 0, bytes_of(NULL, 0));
	s->wiped_us = s->w->now_us;
	s->has_seqno = false;
	s->t_lo = WORLD_CLOCK_MIN;
	s->revocation_len = 0;
	s->keys_len = 0;
	disk_forget(s);
	letters_forget(s);
}

void station_replace(struct station *s)
{
	station_wipe(s);
	s->replaced++;
	identity_done(&s->enrolment.identity);
	station_take_keys(s);
}

/* --- the host ---------------------------------------------------------------------------------------------- */

void station_send(struct station *s, struct bytes packet)
{
	uint8_t buffer[NODE_HEADROOM + WORLD_PACKET_MAX + NODE_TAILROOM];
	struct node_packet p = { buffer + NODE_HEADROOM, packet.len };

	s->host_packets++;
	if (!s->node || station_now_us(s) < s->stalled_until_us || packet.len > WORLD_PACKET_MAX) {
		s->host_unsent++;
		return;
	}
	s->ledger.offered++;
	memcpy(p.data, packet.data, packet.len);
	node_packets_in(s->node, station_now_us(s), &p, 1);
	station_settle(s);
}

static void packet_soon_due(struct timer *timer, uint64_t now_us)
{
	struct packet_soon *p = container_of(timer, struct packet_soon, timer);

	(void)now_us;
	station_send(p->station, bytes_of(p->data, p->len));
	list_remove(&p->list);
	free(p);
}

void station_send_soon(struct station *s, struct bytes packet)
{
	struct packet_soon *p = world_alloc(sizeof(*p) + packet.len);

	timer_init(&p->timer, packet_soon_due);
	p->station = s;
	p->len = packet.len;
	memcpy(p->data, packet.data, packet.len);
	list_push_back(&s->pending, &p->list);
	station_timer_set(s, &p->timer, station_now_us(s));
}

/* --- looking inside --------------------------------------------------------------------------------------------- */

bool station_reaches(const struct station *s, const struct station *to)
{
	struct prefix match;

	return s->node && to->node && node_lookup(s->node, &to->address, &match) == NODE_VERDICT_ROUTE;
}

bool station_has_session(const struct station *s, unsigned link, const struct station *to)
{
	uint64_t since_us = node_peer_since(s->node, link, &to->neighbour_address);

	return since_us && since_us >= to->born_us;
}
