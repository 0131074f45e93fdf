/*
 * Nodes, packets in flight, and time.
 */
#include <stdarg.h>

#include "routing/wire.h"
#include "tests/property/routing_worlds/world.h"

struct flight {
	struct timer timer;
	struct world *w;
	unsigned segment, from, to;
	unsigned boot, known_boot; /* of the session in which it is sealed */
	uint64_t sealed; /* the sender's count */
	bool multicast;
	size_t len;
	uint8_t data[WORLD_PACKET];
};

uint64_t world_between(struct world *w, uint64_t low, uint64_t high)
{
	return low + prng_below(&w->prng, high - low + 1);
}

bool world_chance(struct world *w, unsigned permille)
{
	return prng_below(&w->prng, 1000) < permille;
}

void world_trace(const struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->trace)
		return;
	printf("# %10.6f ", (double)w->now_us / 1e6);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

struct address world_address(unsigned node, unsigned segment)
{
	uint8_t bytes[16] = { 0xfe, 0x80 };

	bytes[13] = (uint8_t)(segment + 1);
	bytes[15] = (uint8_t)(node + 1);
	return address_ipv6(bytes);
}

static struct address world_address_v4(unsigned node, unsigned segment)
{
	return address_ipv4((uint8_t[4]){ 192, 168, (uint8_t)(segment + 1), (uint8_t)(node + 1) });
}

/* --- tampering: the mutants ---------------------------------------------------------------- */

/* Rewrites a packet; what is not fit for this mutant stays as it is. */
static void flight_tamper(struct flight *f)
{
	struct address self = world_address(f->from, f->segment);
	struct babel_counters counters = { 0 };
	uint8_t room[2 * WORLD_PACKET];
	struct wire_parser parser;
	struct wire_builder builder;
	struct babel_tlv tlv;

	wire_build_begin(&builder, room, sizeof(room), &self);
	if (wire_parse_begin(&parser, bytes_of(f->data, f->len), &self, &counters))
		return;
	while (wire_parse_next(&parser, &tlv)) {
		if (tlv.type == TLV_UPDATE && tlv.u.update.metric != BABEL_INFINITY && f->w->mutant == MUTANT_SEQNO)
			tlv.u.update.seqno = (uint16_t)(f->w->forged_seqno++ / 16);
		if (tlv.type == TLV_SEQNO_REQUEST && f->w->mutant == MUTANT_NO_REQUESTS)
			continue;
		assert(wire_write(&builder, &tlv) == 0);
	}
	struct bytes packet = wire_build_end(&builder);
	if (packet.len > sizeof(f->data))
		return;
	if (packet.len > 0)
		memcpy(f->data, packet.data, packet.len);
	f->len = packet.len;
}

/* --- flights ---------------------------------------------------------------------------------- */

static void trace_packet(const struct flight *f)
{
	struct address self = world_address(f->from, f->segment);
	struct babel_counters counters = { 0 };
	struct wire_parser parser;
	struct babel_tlv tlv;
	char text[PREFIX_TEXT];

	if (wire_parse_begin(&parser, bytes_of(f->data, f->len), &self, &counters))
		return;
	while (wire_parse_next(&parser, &tlv)) {
		if (tlv.type == TLV_UPDATE)
			world_trace(f->w, "  %u<-%u/%u update class %u %s seqno %u metric %u id ..%02x%02x", f->to,
				f->from, f->segment, tlv.u.update.class,
				tlv.u.update.wildcard ? "*" : prefix_format(&tlv.u.update.prefix, text),
				tlv.u.update.seqno, tlv.u.update.metric, tlv.u.update.origin.bytes[1],
				tlv.u.update.origin.bytes[7]);
		else if (tlv.type == TLV_DELTA)
			world_trace(f->w, "  %u<-%u/%u delta %08x (%u, %u]%s%s%s", f->to, f->from, f->segment,
				tlv.u.delta.epoch, tlv.u.delta.from, tlv.u.delta.ver, tlv.u.delta.begin ? " begin" : "",
				tlv.u.delta.end ? " end" : "", tlv.u.delta.urgent ? " urgent" : "");
		else if (tlv.type == TLV_REFRESH)
			world_trace(f->w, "  %u<-%u/%u refresh %08x %u: %u", f->to, f->from, f->segment,
				tlv.u.refresh.epoch, tlv.u.refresh.ver, tlv.u.refresh.count);
		else if (tlv.type == TLV_SYNCACK)
			world_trace(f->w, "  %u<-%u/%u syncack %08x %u%s%s", f->to, f->from, f->segment,
				tlv.u.syncack.epoch, tlv.u.syncack.applied, tlv.u.syncack.nack ? " nack" : "",
				tlv.u.syncack.full ? " full" : "");
		else if (tlv.type == TLV_SEQNO_REQUEST)
			world_trace(f->w, "  %u<-%u/%u seqno request class %u %s %u", f->to, f->from, f->segment,
				tlv.u.seqno_request.class, prefix_format(&tlv.u.seqno_request.prefix, text),
				tlv.u.seqno_request.seqno);
		else
			world_trace(f->w, "  %u<-%u/%u tlv %d", f->to, f->from, f->segment, tlv.type);
	}
}

/* The receiver meets a process of the sender that it did not know. */
static void session_meet(struct node *n, const struct flight *f)
{
	struct address peer = world_address(f->from, f->segment);
	bool had_one = n->known_boot[f->segment][f->from] != 0;
	bool is_versioned = n->speaks_versions && n->w->nodes[f->from].speaks_versions;

	n->newest[f->segment][f->from] = 0;
	/* First nothing leads there any more, then the session is open. */
	if (is_versioned)
		node_session(n, f->segment, f->from, f->boot);
	else if (had_one)
		babel_neighbour_lost(n->b, node_now(n), f->segment, &peer);
	n->known_boot[f->segment][f->from] = f->boot;
	if (!is_versioned)
		node_session(n, f->segment, f->from, f->boot);
}

static bool session_accepts(struct node *n, const struct flight *f)
{
	unsigned known = n->known_boot[f->segment][f->from];

	/* In the clear what a dead process sent comes before what the next one sends, or not at all. */
	if (n->w->segments[f->segment].is_open) {
		n->known_boot[f->segment][f->from] = f->boot > known ? f->boot : known;
		return !n->w->is_quick || f->boot >= known;
	}
	if (f->boot < known)
		return false;
	if (f->boot > known)
		session_meet(n, f);
	return f->known_boot == 0 || f->known_boot == n->boot || n->w->mutant == MUTANT_NO_GATE;
}

static void flight_land(struct timer *timer, uint64_t now_us)
{
	struct flight *f = container_of(timer, struct flight, timer);
	struct world *w = f->w;
	struct node *n = &w->nodes[f->to];
	struct segment *s = &w->segments[f->segment];
	struct babel_sender from = { world_address(f->from, f->segment), BABEL_PORT, 1, f->multicast, false };

	if (n->b && n->stalled_until_us > now_us) {
		timer_set(&w->heap, &f->timer, n->stalled_until_us);
		return;
	}
	if (n->b && !s->is_cut && n->with_carrier >> f->segment & 1) {
		w->events++;
		if (session_accepts(n, f)) {
			uint64_t *newest = &n->newest[f->segment][f->from];

			from.is_late = f->sealed < *newest;
			if (!from.is_late)
				*newest = f->sealed;
			if (w->trace)
				trace_packet(f);
			if (w->alive)
				babel_neighbour_alive(n->b, node_now(n), f->segment, &from.address);
			if (s->config.idle_interval_cs && world_chance(w, 5)) /* a packet passes now and then */
				babel_neighbour_busy(n->b, node_now(n), f->segment, &from.address);
			babel_receive(n->b, node_now(n), f->segment, &from, bytes_of(f->data, f->len));
		}
		node_poll(n);
	}
	free(f);
}

static void flight_launch(struct node *from, unsigned segment, unsigned to, bool multicast, struct bytes packet)
{
	struct world *w = from->w;
	struct segment *s = &w->segments[segment];
	struct flight *f = calloc(1, sizeof(*f));
	uint64_t wait_us = s->delay_us + world_between(w, 0, s->jitter_us);

	assert(f && packet.len <= sizeof(f->data));
	f->w = w;
	f->segment = segment;
	f->from = from->index;
	f->sealed = ++from->sealed;
	f->to = to;
	f->boot = from->boot;
	f->known_boot = from->known_boot[segment][to];
	f->multicast = multicast;
	f->len = packet.len;
	memcpy(f->data, packet.data, packet.len);
	if (w->mutant == MUTANT_SEQNO || w->mutant == MUTANT_NO_REQUESTS)
		flight_tamper(f);
	if (world_chance(w, s->late_permille))
		wait_us += world_between(w, 0, s->late_us);
	timer_init(&f->timer, flight_land);
	timer_set(&w->heap, &f->timer, w->now_us + wait_us);
}

static void node_send(void *user, unsigned segment, const struct address *to, struct bytes packet)
{
	struct node *n = user;
	struct world *w = n->w;
	struct segment *s = &w->segments[segment];

	for (unsigned i = 0; i < w->node_count; i++) {
		struct address there = world_address(i, segment);

		if (i == n->index || !(w->nodes[i].joined >> segment & 1) || (to && !address_equal(to, &there)))
			continue;
		if (s->is_cut || (s->deaf[i] >> n->index & 1) || world_chance(w, s->loss_permille))
			continue;
		flight_launch(n, segment, i, !to, packet);
		if (world_chance(w, s->double_permille))
			flight_launch(n, segment, i, !to, packet);
	}
}

/* --- nodes: what the engine asks of its owner ------------------------------------------------------ */

static unsigned world_prefix_index(const struct world *w, const struct prefix *prefix)
{
	unsigned i = 0;

	while (i < w->prefix_count && !prefix_equal(&w->prefixes[i], prefix))
		i++;
	assert(i < w->prefix_count);
	return i;
}

static void node_route_changed(void *user, enum babel_route_change change, const struct babel_route *route)
{
	struct node *n = user;
	struct world *w = n->w;
	unsigned p = world_prefix_index(w, &route->prefix);
	struct fib_entry *e = &n->fib[route->class][p];
	char text[PREFIX_TEXT];

	if (change == BABEL_ROUTE_SET) {
		*e = (struct fib_entry){ .state = FIB_ROUTE, .segment = (uint8_t)route->link, .origin = route->origin };
		e->next = (uint8_t)(route->neighbour.bytes[15] - 1);
		if (route->next_hop.family == FAMILY_IPV4)
			assert(route->next_hop.bytes[3] == e->next + 1);
		else
			assert(address_equal(&route->next_hop, &route->neighbour));
	} else {
		e->state = change == BABEL_ROUTE_UNREACHABLE && w->mutant != MUTANT_NO_HOLD ? FIB_REFUSE : FIB_NOTHING;
	}
	world_trace(w, "%u: class %u %s %s via %u/%u metric %u seqno %u", n->index, route->class,
		prefix_format(&route->prefix, text),
		e->state == FIB_ROUTE    ? "set"
		: e->state == FIB_REFUSE ? "held"
					 : "removed",
		e->next, e->segment, route->metric, route->seqno);
	oracle_changed(n, p);
}

static void node_seqno_store(void *user, uint16_t seqno)
{
	struct node *n = user;

	n->has_stored = true;
	n->stored = seqno;
}

static struct babel_verdict node_accept(void *user, unsigned link, const struct address *neighbour,
	const struct prefix *prefix, const router_id *origin, uint16_t metric)
{
	const struct node *n = user;

	(void)neighbour, (void)prefix, (void)origin, (void)metric;
	return (struct babel_verdict){ .accept = !(n->refuses >> link & 1), .extra_cost = n->extra_cost[link] };
}

/* --- nodes: life ------------------------------------------------------------------------------------- */

void node_poll(struct node *n)
{
	struct world *w = n->w;

	if (!n->b)
		return;
	uint64_t due_us =
		n->stalled_until_us > w->now_us ? n->stalled_until_us + n->clock_us : babel_poll(n->b, node_now(n));
	timer_set(&w->heap, &n->due, due_us == NEVER ? NEVER : due_us - n->clock_us);
	oracle_event(w);
}

static void node_due(struct timer *timer, uint64_t now_us)
{
	struct node *n = container_of(timer, struct node, due);

	(void)now_us;
	n->w->events++;
	node_poll(n);
}

static void node_back(struct timer *timer, uint64_t now_us)
{
	(void)now_us;
	node_start(container_of(timer, struct node, start));
}

void node_init(struct node *n, struct world *w, unsigned index)
{
	n->w = w;
	n->index = index;
	prng_seed(&n->prng, prng_next(&w->prng));
	n->clock_us = world_between(w, 1, 5000) * A_SECOND;
	n->id = (router_id){ { 2, 0, 0, 0, 0, 0, 0, (uint8_t)(index + 1) } };
	n->slowness = world_chance(w, 200) ? 2 : 1;
	/* Some begin shortly before their seqno wraps around. */
	n->has_stored = world_chance(w, 200);
	n->stored = (uint16_t)(65535 - world_between(w, 0, 20));
	timer_init(&n->due, node_due);
	timer_init(&n->start, node_back);
}

void node_session(struct node *n, unsigned segment, unsigned peer, unsigned boot)
{
	struct address address = world_address(peer, segment);

	if (n->w->segments[segment].is_open)
		boot = 0;
	if (boot && n->w->mutant == MUTANT_KEEP)
		boot = 1;
	unsigned classes = n->w->nodes[peer].classes;

	if (boot && n->speaks_versions && n->w->nodes[peer].speaks_versions) {
		babel_neighbour_session(n->b, node_now(n), segment, &address, boot, (1u << classes) - 1);
		if (n->index % 4 != 3 && peer % 4 != 3)
			babel_neighbour_compact(n->b, segment, &address);
	} else
		babel_neighbour_hint(n->b, node_now(n), segment, &address);
}

void node_link_up(struct node *n, unsigned segment)
{
	struct address self = world_address(n->index, segment);
	struct babel_link_config config = n->w->segments[segment].config;

	n->with_carrier |= UINT64_C(1) << segment;
	if (!n->b)
		return;
	config.hello_interval_cs = (uint16_t)(config.hello_interval_cs * n->slowness);
	config.idle_interval_cs = (uint16_t)(config.idle_interval_cs * n->slowness);
	config.update_interval_cs = (uint16_t)(config.update_interval_cs * n->slowness);
	config.is_open = n->w->segments[segment].is_open && n->w->mutant != MUTANT_NO_START;
	config.next_hop_ipv4 = world_address_v4(n->index, segment);
	assert(babel_link_add(n->b, node_now(n), segment, &self, &config) == 0);
	node_poll(n);
}

void node_link_down(struct node *n, unsigned segment)
{
	n->with_carrier &= ~(UINT64_C(1) << segment);
	if (!n->b)
		return;
	babel_link_remove(n->b, node_now(n), segment);
	memset(n->known_boot[segment], 0, sizeof(n->known_boot[segment]));
	node_poll(n);
}

/* Any three prefixes are a certificate's as far as short-ids are concerned. */
static void member_fill(const struct world *w, unsigned index, struct babel_member *out)
{
	unsigned first = index % w->prefix_count, left = w->prefix_count - first - 1;

	*out = (struct babel_member){ .short_id = (uint16_t)(index + 1), .host = w->prefixes[first] };
	out->origin = (router_id){ { 2, 0, 0, 0, 0, 0, 0, (uint8_t)(index + 1) } };
	out->lans = &w->prefixes[first + 1];
	out->lan_count = left < 2 ? left : 2;
}

static bool node_member_from(void *user, uint16_t from, struct babel_member *out)
{
	const struct node *n = user;
	unsigned index = from ? from - 1u : 0;

	if (index >= n->w->node_count || n->w->prefix_count == 0)
		return false;
	member_fill(n->w, index, out);
	return true;
}

static bool node_member_of_origin(void *user, const router_id *origin, struct babel_member *out)
{
	return origin->bytes[7] > 0 && node_member_from(user, origin->bytes[7], out);
}

static bool node_has_open_links(const struct node *n)
{
	for (unsigned s = 0; s < n->w->segment_count; s++)
		if ((n->joined >> s & 1) && n->w->segments[s].is_open)
			return true;
	return false;
}

void node_start(struct node *n)
{
	struct world *w = n->w;
	struct babel_output output = { .send = node_send,
		.route_changed = node_route_changed,
		.seqno_store = node_seqno_store,
		.accept = node_accept,
		.member_from = node_member_from,
		.member_of_origin = node_member_of_origin };
	struct babel_config config = {
		.id = n->id,
		.has_stored_seqno = n->has_stored,
		.stored_seqno = n->stored,
		.has_open_links = node_has_open_links(n) && w->mutant != MUTANT_NO_START,
		.kernel_has_v4_via_v6 = true,
		.classes = n->classes,
		.random = prng_random(&n->prng),
	};

	world_trace(w, "%u: starts", n->index);
	n->boot = ++w->boots;
	n->stalled_until_us = 0;
	n->b = babel_new(&config, &output, n);
	assert(n->b);
	for (unsigned p = 0; p < w->prefix_count; p++)
		if (n->own >> p & 1)
			assert(babel_originate(n->b, node_now(n), &w->prefixes[p], 0) == 0);
	for (unsigned s = 0; s < w->segment_count; s++)
		if (n->with_carrier >> s & 1)
			node_link_up(n, s);
	node_poll(n);
}

void node_stop(struct node *n, bool clean)
{
	if (!n->b)
		return;
	world_trace(n->w, "%u: %s", n->index, clean ? "leaves" : "dies");
	if (clean)
		babel_shutdown(n->b, node_now(n));
	babel_free(n->b);
	n->b = NULL;
	timer_cancel(&n->w->heap, &n->due);
	memset(n->fib, 0, sizeof(n->fib));
	memset(n->known_boot, 0, sizeof(n->known_boot));
}

/* --- time ---------------------------------------------------------------------------------------------- */

void world_run(struct world *w, uint64_t until_us)
{
	while (heap_next(&w->heap) <= until_us) {
		w->now_us = heap_next(&w->heap);
		heap_run(&w->heap, w->now_us);
	}
	w->now_us = until_us;
}

void world_free(struct world *w)
{
	for (unsigned i = 0; i < w->node_count; i++) {
		node_stop(&w->nodes[i], false);
		timer_cancel(&w->heap, &w->nodes[i].start);
	}
	timer_cancel(&w->heap, &w->fault);
	while (w->heap.count > 0) {
		struct flight *f = container_of(w->heap.slots[0].timer, struct flight, timer);

		timer_cancel(&w->heap, &f->timer);
		free(f);
	}
	heap_done(&w->heap);
	free(w);
}
