/*
 * A gateway between sealed members and a router that is none:
 *
 *   member ──segment 0, sealed── gate ──segment 7, plain── foreign (an engine by itself)
 *      0                          1
 */
#include "tests/unit/node_world.h"

#define MEMBER 0
#define GATE 1
#define NEWCOMER 2
#define SEALED 0
#define PLAIN 7
#define WAITING 512
#define PACKET 1500
#define ROUTES 32

/* A packet on the plain cable. */
struct crossing {
	bool is_for_gate, is_multicast;
	size_t len;
	uint8_t data[PACKET];
};

static struct {
	struct world *w;
	struct babel *b;
	struct address self;
	struct prng prng;
	struct crossing waiting[WAITING];
	unsigned count;
	bool is_cut;
	uint8_t hop_limit;
	/* the gateway's kernel */
	struct node_kernel_route routes[ROUTES];
	unsigned route_count, natives, refusals; /* ... and how often it was told to */
} foreign;

static struct address gate_address;

static void cross(bool is_for_gate, bool is_multicast, struct bytes packet)
{
	struct crossing *c = &foreign.waiting[foreign.count];

	if (foreign.is_cut)
		return;
	assert_in_range(foreign.count, 0, WAITING - 1);
	assert_in_range(packet.len, 1, PACKET);
	*c = (struct crossing){ .is_for_gate = is_for_gate, .is_multicast = is_multicast, .len = packet.len };
	memcpy(c->data, packet.data, packet.len);
	foreign.count++;
}

static void gate_sends(struct station *s, unsigned link, const struct endpoint *to, struct bytes packet)
{
	assert_int_equal(s->index, GATE);
	assert_int_equal(link, PLAIN);
	if (!to || memcmp(to->bytes, foreign.self.bytes, 16) == 0)
		cross(false, !to, packet);
}

static void foreign_sends(void *user, unsigned link, const struct address *to, struct bytes packet)
{
	(void)user, (void)link;
	if (!to || address_equal(to, &gate_address))
		cross(true, !to, packet);
}

static void gate_kernel(struct station *s, const struct node_kernel_route *route)
{
	unsigned i = 0;

	if (s->index != GATE)
		return;
	foreign.natives += route->way == NODE_KERNEL_NATIVE;
	foreign.refusals += route->way == NODE_KERNEL_UNREACHABLE;
	while (i < foreign.route_count && !prefix_equal(&foreign.routes[i].prefix, &route->prefix))
		i++;
	assert_in_range(i, 0, ROUTES - 1);
	foreign.routes[i] = *route;
	if (i == foreign.route_count)
		foreign.route_count++;
}

/* What it was told last. */
static const struct node_kernel_route *route_of(const char *text)
{
	static const struct node_kernel_route none = { .way = NODE_KERNEL_NONE };
	struct prefix p = prefix_make(text);

	for (unsigned i = 0; i < foreign.route_count; i++)
		if (prefix_equal(&foreign.routes[i].prefix, &p))
			return &foreign.routes[i];
	return &none;
}

static enum node_kernel_way way_of(const char *text)
{
	return route_of(text)->way;
}

/* --- time ------------------------------------------------------------------------------------- */

static void crossings_arrive(void)
{
	struct station *gate = &foreign.w->stations[GATE];

	for (unsigned i = 0; i < foreign.count; i++) {
		struct crossing c = foreign.waiting[i];
		struct babel_sender from = { .address = c.is_for_gate ? foreign.self : gate_address,
			.port = BABEL_PORT,
			.hop_limit = foreign.hop_limit,
			.multicast = c.is_multicast };

		if (c.is_for_gate && gate->node) {
			node_babel_in(gate->node, foreign.w->now, PLAIN, &from, bytes_of(c.data, c.len));
			station_poll(gate);
		} else if (!c.is_for_gate && foreign.b) {
			babel_receive(foreign.b, foreign.w->now, 0, &from, bytes_of(c.data, c.len));
		}
	}
	foreign.count = 0;
}

static void run(uint64_t us)
{
	for (uint64_t end = foreign.w->now + us; foreign.w->now < end;) {
		world_run(foreign.w, 10 * MILLISECOND);
		if (foreign.b)
			babel_poll(foreign.b, foreign.w->now);
		crossings_arrive();
	}
}

/* --- scenes ------------------------------------------------------------------------------------ */

static void foreign_start(void)
{
	const struct babel_output output = { .send = foreign_sends };
	const struct babel_config config = { .id = { { 0xf0, 1, 2, 3, 4, 5, 6, 7 } },
		.kernel_has_v4_via_v6 = true,
		.random = prng_random(&foreign.prng) };
	const struct babel_link_config link = { .cost = BABEL_COST_2_OUT_OF_3,
		.rxcost = 96,
		.hello_interval_cs = 50,
		.update_interval_cs = 400,
		.mtu = 1400,
		.split_horizon = true };

	foreign.b = babel_new(&config, &output, NULL);
	assert_non_null(foreign.b);
	assert_int_equal(babel_link_add(foreign.b, foreign.w->now, 0, &foreign.self, &link), 0);
}

static void originates(const char *prefix)
{
	struct prefix p = prefix_make(prefix);

	assert_int_equal(babel_originate(foreign.b, foreign.w->now, &p, 0), 0);
}

static void withdraws(const char *prefix)
{
	struct prefix p = prefix_make(prefix);

	assert_int_equal(babel_withdraw(foreign.b, foreign.w->now, &p), 0);
}

static struct node *gate_node(void)
{
	return foreign.w->stations[GATE].node;
}

static struct node *member_node(void)
{
	return foreign.w->stations[MEMBER].node;
}

static void gate_rules(enum node_direction direction, const char *first, const char *second)
{
	station_rules(foreign.w, GATE, PLAIN, direction, first, second);
}

static void gate_plain_link(void)
{
	struct node *n = gate_node();
	const struct node_link_config config = { .name = "plain",
		.mtu = 1400,
		.wired = true,
		.rxcost = 96,
		.hello_ms = 500,
		.update_s = 4,
		.is_plain = true,
		.split_horizon = true };

	foreign.w->stations[GATE].ports[PLAIN].is_here = true;
	assert_int_equal(node_link_add(n, foreign.w->now, PLAIN, &config), 0);
	assert_int_equal(node_plain_address(n, foreign.w->now, PLAIN, &gate_address, NULL), 0);
	gate_rules(NODE_IN, "10.50.0.0/16", "fd50::/16");
	node_link_set_up(n, foreign.w->now, PLAIN, true);
	station_poll(&foreign.w->stations[GATE]);
}

/* Both run; the foreign router announces 10.50.1.0/24 and is believed. */
static void scene(uint8_t gate_roles)
{
	struct world *w = world_new(77);
	struct enrolment *e = &w->stations[GATE].enrolment;
	struct prefix lan = prefix_make("10.9.0.0/24");

	memset(&foreign, 0, sizeof(foreign));
	foreign.w = w;
	foreign.hop_limit = 1;
	address_parse(&foreign.self, "fe80::f");
	address_parse(&gate_address, "fe80::9a7e");
	prng_seed(&foreign.prng, 5);
	w->plain_send = gate_sends;
	w->kernel_route = gate_kernel;
	station_enrol(w, MEMBER, "10.9.0.0/24", NULL);
	station_enrol(w, GATE, "10.50.0.0/16", "10.60.0.1/32");
	e->certificate.roles = gate_roles;
	assert_int_equal(certificate_issue(&e->certificate, &w->authority), 0);
	w->stations[GATE].has_plain_links = true;
	station_start(w, MEMBER);
	station_start(w, GATE);
	station_join(w, MEMBER, SEALED);
	station_join(w, GATE, SEALED);
	assert_int_equal(node_originate(w->stations[MEMBER].node, w->now, &lan), 0);
	station_poll(&w->stations[MEMBER]);
	gate_plain_link();
	foreign_start();
	originates("10.50.1.0/24");
	run(10 * A_SECOND);
}

static int unscene(void **state)
{
	(void)state;
	babel_free(foreign.b);
	if (foreign.w)
		world_free(foreign.w);
	memset(&foreign, 0, sizeof(foreign));
	return 0;
}

static bool has(struct node *n, const char *prefix, struct babel_route *route)
{
	struct prefix p = prefix_make(prefix);

	return babel_selected(node_babel(n), &p, BABEL_TEXT, route);
}

/* Does the foreign router have a way to the member? */
static bool foreign_has_member(struct babel_route *route)
{
	struct prefix host = prefix_of_host(foreign.w->stations[MEMBER].address);

	return babel_selected(foreign.b, &host, BABEL_TEXT, route);
}

static enum node_verdict verdict(struct node *n, const char *address)
{
	struct address a;
	struct prefix match;

	assert_int_equal(address_parse(&a, address), 0);
	return node_lookup(n, &a, &match);
}

struct adjacency {
	bool is_there;
	uint16_t cost;
};

static void adjacency_take(void *arg, const struct babel_neighbour_info *info)
{
	struct adjacency *a = arg;

	if (info->link == PLAIN && address_equal(&info->address, &foreign.self))
		*a = (struct adjacency){ true, info->cost[BABEL_TEXT] };
}

static struct adjacency adjacency(void)
{
	struct adjacency a = { 0 };

	babel_dump_neighbours(node_babel(gate_node()), adjacency_take, &a);
	return a;
}

/* --- both worlds --------------------------------------------------------------------------------- */

static void a_foreign_route_is_the_kernels(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	assert_true(has(gate_node(), "10.50.1.0/24", &r));
	assert_int_equal(r.metric, 96);
	assert_int_equal(verdict(gate_node(), "10.50.1.9"), NODE_VERDICT_NATIVE);
	assert_int_equal(way_of("10.50.1.0/24"), NODE_KERNEL_NATIVE);
	assert_int_equal(route_of("10.50.1.0/24")->link, PLAIN);
	/* The foreign router has no IPv4 there: RFC 9229. */
	assert_true(address_equal(&route_of("10.50.1.0/24")->next_hop, &foreign.self));
}

static void it_crosses_the_sealed_mesh_as_its_own(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	assert_true(has(member_node(), "10.50.1.0/24", &r));
	assert_int_equal(r.origin.bytes[0], 0xf0);
	assert_int_equal(verdict(member_node(), "10.50.1.9"), NODE_VERDICT_ROUTE);
}

static void the_foreign_router_learns_the_mesh(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	assert_true(foreign_has_member(&r));
	assert_true(router_id_equal(&r.origin, &member_node()->rid));
	assert_true(address_equal(&r.next_hop, &gate_address));
}

static void packets_cross_in_both_directions(void **state)
{
	struct address to = addr("10.50.1.9"), from = addr("10.9.0.5");

	(void)state;
	scene(ROLE_GATEWAY);
	station_send_packet(foreign.w, MEMBER, &from, &to, 64, 64, 1);
	run(A_SECOND);
	assert_true(foreign.w->stations[GATE].seen[1]); /* given to the kernel, which has the route */
	station_send_packet(foreign.w, GATE, &to, &from, 64, 64, 2);
	run(A_SECOND);
	assert_true(foreign.w->stations[MEMBER].seen[2]);
	/* What the kernel should have sent itself it does not get back. */
	station_send_packet(foreign.w, GATE, &from, &to, 64, 64, 3);
	assert_false(foreign.w->stations[GATE].seen[3]);
	assert_int_equal(counters_of(foreign.w, GATE)->drops.no_route, 1);
}

static void what_is_lost_is_held__rfc8966_3_5_4(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	assert_int_equal(foreign.refusals, 0);
	withdraws("10.50.1.0/24");
	run(2 * A_MINUTE);
	assert_false(has(gate_node(), "10.50.1.0/24", &r));
	/* In between nobody was sure that nobody follows. */
	assert_int_equal(foreign.refusals, 1);
	assert_int_equal(way_of("10.50.1.0/24"), NODE_KERNEL_NONE);
	originates("10.50.1.0/24");
	run(5 * A_SECOND);
	assert_int_equal(way_of("10.50.1.0/24"), NODE_KERNEL_NATIVE);
}

static void silence_takes_the_routes(void **state)
{
	(void)state;
	scene(ROLE_GATEWAY);
	foreign.is_cut = true;
	run(5 * A_SECOND);
	assert_int_equal(adjacency().cost, BABEL_INFINITY);
	assert_int_not_equal(way_of("10.50.1.0/24"), NODE_KERNEL_NATIVE);
	foreign.is_cut = false;
	run(10 * A_SECOND);
	assert_int_equal(way_of("10.50.1.0/24"), NODE_KERNEL_NATIVE);
}

static void a_packet_from_beyond_the_link_is_dropped__rfc8966_4(void **state)
{
	(void)state;
	scene(ROLE_GATEWAY);
	foreign.hop_limit = 255;
	run(20 * A_SECOND);
	assert_int_equal(adjacency().cost, adjacency().is_there ? BABEL_INFINITY : 0);
	assert_int_not_equal(way_of("10.50.1.0/24"), NODE_KERNEL_NATIVE);
}

/* --- trust ------------------------------------------------------------------------------------------ */

static void without_the_role_nobody_else_believes_it(void **state)
{
	struct babel_route r;

	(void)state;
	scene(0);
	/* Its own certificate has this network, as one of its own: nobody else may announce it. */
	assert_false(has(gate_node(), "10.50.1.0/24", &r));
	originates("fd50:1::/32");
	run(5 * A_SECOND);
	assert_true(has(gate_node(), "fd50:1::/32", &r));
	assert_false(has(member_node(), "fd50:1::/32", &r));
}

static void members_believe_only_what_the_gateway_is_for(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	originates("fd50:1::/32");
	run(5 * A_SECOND);
	assert_true(has(gate_node(), "fd50:1::/32", &r));
	assert_false(has(member_node(), "fd50:1::/32", &r));
}

static void rules_do_not_open_what_is_the_networks(void **state)
{
	char inside[PREFIX_TEXT];
	struct prefix host;
	struct address a;
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	gate_rules(NODE_IN, "any", NULL);
	host = prefix_of_host(foreign.w->stations[MEMBER].address);
	originates(prefix_format(&host, inside));
	a = foreign.w->stations[MEMBER].address;
	a.bytes[15] ^= 0xff; /* nobody's yet */
	host = prefix_of_host(a);
	originates(prefix_format(&host, inside));
	originates("10.9.0.0/24"); /* a member's network */
	originates("10.9.0.7/32"); /* inside of it */
	originates("10.60.0.1/32"); /* the gateway's own address */
	originates("10.0.0.0/8"); /* around it all: what is longer stays */
	run(10 * A_SECOND);
	assert_false(has(gate_node(), inside, &r));
	assert_false(has(gate_node(), "10.9.0.7/32", &r));
	assert_false(has(gate_node(), "10.60.0.1/32", &r));
	assert_true(has(gate_node(), "10.9.0.0/24", &r));
	assert_int_equal(r.link, SEALED);
	host = prefix_of_host(foreign.w->stations[MEMBER].address);
	assert_true(has(gate_node(), prefix_format(&host, inside), &r));
	assert_int_equal(r.link, SEALED);
	assert_true(has(gate_node(), "10.0.0.0/8", &r));
	assert_false(has(member_node(), "10.0.0.0/8", &r));
}

/* Who comes first gets nothing by it: what a certificate names is its member's once it is known. */
static void what_was_foreign_is_a_members_once_he_is_known(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	station_enrol(foreign.w, NEWCOMER, "10.50.7.0/24", NULL);
	originates("10.50.7.0/24");
	originates("10.50.7.9/32");
	run(5 * A_SECOND);
	assert_int_equal(way_of("10.50.7.0/24"), NODE_KERNEL_NATIVE);
	assert_true(has(member_node(), "10.50.7.9/32", &r));
	unsigned events = foreign.w->stations[GATE].events[NODE_NEIGHBOUR_UP];
	station_start(foreign.w, NEWCOMER);
	station_join(foreign.w, NEWCOMER, SEALED);
	run(2 * A_SECOND);
	assert_int_equal(foreign.w->stations[GATE].events[NODE_NEIGHBOUR_UP], events + 1);
	assert_false(has(gate_node(), "10.50.7.0/24", &r));
	assert_false(has(member_node(), "10.50.7.9/32", &r));
	assert_int_not_equal(way_of("10.50.7.9/32"), NODE_KERNEL_NATIVE);
	assert_true(has(gate_node(), "10.50.1.0/24", &r));
	struct prefix lan = prefix_make("10.50.7.0/24");
	assert_int_equal(node_originate(foreign.w->stations[NEWCOMER].node, foreign.w->now, &lan), 0);
	station_poll(&foreign.w->stations[NEWCOMER]);
	run(2 * A_SECOND);
	assert_true(has(gate_node(), "10.50.7.0/24", &r));
	assert_int_equal(r.link, SEALED);
}

static void what_is_no_destination_is_no_route(void **state)
{
	static const char *const none[] = { "::1/128", "::/128", "fe80::/10", "fe80::1/128", "ff00::/8", "ff02::1/128",
		"127.0.0.0/8", "0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4" };
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	gate_rules(NODE_IN, "any", NULL);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		originates(none[i]);
	originates("::/0");
	originates("0.0.0.0/0");
	run(10 * A_SECOND);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(has(gate_node(), none[i], &r));
	assert_true(has(gate_node(), "::/0", &r));
	assert_true(has(gate_node(), "0.0.0.0/0", &r));
}

static void a_member_speaks_only_for_itself(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	/* The foreign network gives back what it was told: with the member's router-id, under another prefix. */
	babel_free(foreign.b);
	foreign.b = NULL;
	const struct babel_output output = { .send = foreign_sends };
	const struct babel_config config = { .id = member_node()->rid, .random = prng_random(&foreign.prng) };
	const struct babel_link_config link = { .cost = BABEL_COST_2_OUT_OF_3,
		.rxcost = 96,
		.hello_interval_cs = 50,
		.update_interval_cs = 400,
		.mtu = 1400 };
	foreign.b = babel_new(&config, &output, NULL);
	assert_int_equal(babel_link_add(foreign.b, foreign.w->now, 0, &foreign.self, &link), 0);
	originates("10.50.2.0/24");
	run(10 * A_SECOND);
	assert_int_equal(adjacency().cost, 96);
	assert_false(has(gate_node(), "10.50.2.0/24", &r));
}

/* --- policy -------------------------------------------------------------------------------------------- */

static void rules_change_without_losing_the_neighbour(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	gate_rules(NODE_IN, "deny 10.50.1.0/24", "10.50.0.0/16");
	run(A_SECOND);
	assert_false(has(gate_node(), "10.50.1.0/24", &r));
	assert_int_equal(adjacency().cost, 96);
	gate_rules(NODE_IN, "10.50.0.0/16 +500", NULL);
	run(2 * A_SECOND);
	assert_true(has(gate_node(), "10.50.1.0/24", &r));
	assert_int_equal(r.metric, 596);
	gate_rules(NODE_IN, "10.50.0.0/16 from fe80::bad", NULL);
	run(2 * A_SECOND);
	assert_false(has(gate_node(), "10.50.1.0/24", &r));
	assert_true(foreign_has_member(&r));
	uint16_t before = r.metric;
	gate_rules(NODE_OUT, "any +100", NULL);
	run(6 * A_SECOND);
	assert_true(foreign_has_member(&r));
	assert_int_equal(r.metric, before + 100);
	gate_rules(NODE_OUT, "deny any", NULL);
	run(2 * A_SECOND);
	assert_false(foreign_has_member(&r));
	assert_int_equal(adjacency().cost, 96);
	gate_rules(NODE_OUT, NULL, NULL);
	run(6 * A_SECOND);
	assert_true(foreign_has_member(&r));
}

static void a_link_that_is_taken_out_says_goodbye(void **state)
{
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	assert_true(foreign_has_member(&r));
	node_link_leave(gate_node(), foreign.w->now, PLAIN);
	node_link_remove(gate_node(), foreign.w->now, PLAIN);
	run(20 * MILLISECOND);
	assert_false(foreign_has_member(&r));
	assert_false(has(gate_node(), "10.50.1.0/24", &r));
	/* And so does a sealed one; the member is told, and does not wait for silence. */
	unsigned lost = foreign.w->stations[MEMBER].events[NODE_NEIGHBOUR_DOWN];
	node_link_leave(gate_node(), foreign.w->now, SEALED);
	node_link_remove(gate_node(), foreign.w->now, SEALED);
	run(20 * MILLISECOND);
	assert_int_equal(foreign.w->stations[MEMBER].events[NODE_NEIGHBOUR_DOWN], lost + 1);
}

static void another_ipv4_address_is_announced_while_the_link_is_up(void **state)
{
	struct address ipv4 = addr("192.0.2.1");
	struct babel_route r;

	(void)state;
	scene(ROLE_GATEWAY);
	struct prefix lan = prefix_make("10.9.0.0/24");
	assert_true(babel_selected(foreign.b, &lan, BABEL_TEXT, &r));
	assert_true(address_equal(&r.next_hop, &gate_address));
	assert_int_equal(node_plain_address(gate_node(), foreign.w->now, PLAIN, &gate_address, &ipv4), 0);
	run(6 * A_SECOND);
	assert_true(babel_selected(foreign.b, &lan, BABEL_TEXT, &r));
	assert_true(address_equal(&r.next_hop, &ipv4));
	assert_int_equal(adjacency().cost, 96);
	assert_int_equal(node_plain_address(gate_node(), foreign.w->now, PLAIN, &foreign.self, NULL), -EBUSY);
}

int main(void)
{
#define PLAIN_TEST(name) cmocka_unit_test_teardown(name, unscene)
	const struct CMUnitTest tests[] = {
		PLAIN_TEST(a_foreign_route_is_the_kernels),
		PLAIN_TEST(it_crosses_the_sealed_mesh_as_its_own),
		PLAIN_TEST(the_foreign_router_learns_the_mesh),
		PLAIN_TEST(packets_cross_in_both_directions),
		PLAIN_TEST(what_is_lost_is_held__rfc8966_3_5_4),
		PLAIN_TEST(silence_takes_the_routes),
		PLAIN_TEST(a_packet_from_beyond_the_link_is_dropped__rfc8966_4),
		PLAIN_TEST(without_the_role_nobody_else_believes_it),
		PLAIN_TEST(members_believe_only_what_the_gateway_is_for),
		PLAIN_TEST(rules_do_not_open_what_is_the_networks),
		PLAIN_TEST(what_was_foreign_is_a_members_once_he_is_known),
		PLAIN_TEST(what_is_no_destination_is_no_route),
		PLAIN_TEST(a_member_speaks_only_for_itself),
		PLAIN_TEST(rules_change_without_losing_the_neighbour),
		PLAIN_TEST(a_link_that_is_taken_out_says_goodbye),
		PLAIN_TEST(another_ipv4_address_is_announced_while_the_link_is_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
