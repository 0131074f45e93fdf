/* Two nodes on a plain link that is authenticated: who is a neighbour of whom. */
#include "tests/unit/crypto_members.h"

#include "meshd/node/state.h"

#include <stdlib.h>

#define SECOND_US UINT64_C(1000000)
#define STEP_US UINT64_C(10000)
#define WAITING 64

struct host {
	struct pair *pair;
	struct node *node;
	struct enrolment enrolment;
	struct prng prng;
	struct address self;
};

/* What waits to be received. */
struct flight {
	struct host *to;
	struct babel_sender from;
	uint8_t packet[NODE_FRAME_MAX];
	size_t len;
};

struct pair {
	struct host hosts[2];
	struct flight flights[WAITING];
	unsigned count;
	uint64_t now_us;
	size_t longest; /* packet */
};

static void host_send(void *user, unsigned link, const struct endpoint *to, struct bytes frame)
{
	struct host *from = user;
	struct pair *p = from->pair;
	struct host *other = &p->hosts[from == &p->hosts[0]];

	assert_int_equal(link, 0);
	assert_true(p->count < WAITING && frame.len <= NODE_FRAME_MAX);
	if (to)
		assert_memory_equal(to->bytes, other->self.bytes, 16);
	struct flight *f = &p->flights[p->count++];
	*f = (struct flight){ .to = other, .len = frame.len };
	f->from = (struct babel_sender){
		.address = from->self, .port = BABEL_PORT, .hop_limit = 1, .multicast = to == NULL
	};
	memcpy(f->packet, frame.data, frame.len);
	p->longest = frame.len > p->longest ? frame.len : p->longest;
}

static void host_deliver(void *user, struct bytes packet)
{
	(void)user, (void)packet;
}

static void host_kernel_route(void *user, const struct node_kernel_route *route)
{
	(void)user, (void)route;
}

static void host_store_seqno(void *user, uint32_t seqno)
{
	(void)user, (void)seqno;
}

static void host_store_certificate(void *user, struct bytes encoded, const uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	(void)user, (void)encoded, (void)proof;
}

static void host_event(void *user, enum node_event event, unsigned link, const char *text)
{
	(void)user, (void)event, (void)link, (void)text;
}

/* Of a deployment of its own. */
static void host_enrol(struct host *h, uint64_t seed)
{
	struct secret_authority authority;
	struct enrolment *e = &h->enrolment;

	authority_make(&authority, seed);
	identity_make(&e->identity, seed + 1);
	e->certificate = certificate_draft(&e->identity.public, "host");
	assert_int_equal(certificate_issue(&e->certificate, &authority), 0);
	e->authority = authority.public;
	memcpy(e->psk, authority.psk, KEY_LEN);
}

static void host_start(struct pair *p, unsigned i)
{
	static const struct node_output output = { .send = host_send,
		.deliver = host_deliver,
		.kernel_route = host_kernel_route,
		.store_seqno = host_store_seqno,
		.store_certificate = host_store_certificate,
		.event = host_event };
	const struct node_link_config link = { .name = "lab",
		.mtu = 1452,
		.is_plain = true,
		.wired = true,
		.rxcost = 96,
		.hello_ms = 1000,
		.update_s = 4 };
	struct host *h = &p->hosts[i];

	h->pair = p;
	h->self = address_ipv6((uint8_t[16]){ 0xfe, 0x80, [15] = (uint8_t)(i + 1) });
	prng_seed(&h->prng, 100 + i);
	host_enrol(h, 7 + 10 * i);
	struct node_config config = { .enrolment = &h->enrolment, .random = prng_random(&h->prng) };
	h->node = node_new(&config, &output, h, p->now_us);
	assert_non_null(h->node);
	assert_int_equal(node_link_add(h->node, p->now_us, 0, &link), 0);
	assert_int_equal(node_plain_address(h->node, p->now_us, 0, &h->self, NULL), 0);
}

static struct pair *pair_new(void)
{
	struct pair *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->now_us = SECOND_US;
	for (unsigned i = 0; i < 2; i++)
		host_start(p, i);
	return p;
}

static void pair_free(struct pair *p)
{
	node_free(p->hosts[0].node);
	node_free(p->hosts[1].node);
	free(p);
}

static void pair_run(struct pair *p, uint64_t for_us)
{
	for (uint64_t end_us = p->now_us + for_us; p->now_us < end_us; p->now_us += STEP_US) {
		for (unsigned i = 0; i < 2; i++)
			node_poll(p->hosts[i].node, p->now_us);
		while (p->count > 0) {
			struct flight f = p->flights[0];

			memmove(p->flights, p->flights + 1, --p->count * sizeof(f));
			node_babel_in(f.to->node, p->now_us, 0, &f.from, bytes_of(f.packet, f.len));
		}
	}
}

static void keys_set(struct pair *p, unsigned i, unsigned first, unsigned count)
{
	struct secret_packet_key keys[NODE_MAC_KEYS_MAX];

	for (unsigned k = 0; k < count; k++) {
		uint8_t key[32] = { (uint8_t)(first + k) };
		enum packet_algorithm algorithm = (first + k) % 2 ? PACKET_HMAC_SHA256 : PACKET_BLAKE2S;

		assert_int_equal(packet_key_init(&keys[k], algorithm, bytes_of(key, sizeof(key))), 0);
	}
	assert_int_equal(node_mac_set(p->hosts[i].node, 0, keys, count, false), 0);
}

static void link_up(struct pair *p)
{
	for (unsigned i = 0; i < 2; i++)
		node_link_set_up(p->hosts[i].node, p->now_us, 0, true);
}

static void cost_take(void *arg, const struct babel_neighbour_info *info)
{
	*(uint16_t *)arg = info->cost[BABEL_TEXT];
}

static uint16_t cost_of(const struct pair *p, unsigned i)
{
	uint16_t cost = BABEL_INFINITY;

	babel_dump_neighbours(node_babel(p->hosts[i].node), cost_take, &cost);
	return cost;
}

static void assert_neighbours(const struct pair *p, bool are)
{
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(cost_of(p, i), are ? 96 : BABEL_INFINITY);
}

static void who_has_the_key_is_a_neighbour__rfc8967_4(void **state)
{
	struct pair *p = pair_new();

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		keys_set(p, i, 1, 1);
	assert_null(node_mac_counters(p->hosts[0].node, 0)); /* not before it is up */
	link_up(p);
	pair_run(p, 10 * SECOND_US);
	assert_neighbours(p, true);
	assert_int_equal(node_mac_counters(p->hosts[0].node, 0)->challenges_met, 1);
	assert_int_equal(node_mac_counters(p->hosts[0].node, 0)->wrong_mac, 0);
	pair_free(p);
}

static void who_has_another_key_or_none_is_not__rfc8967_4_3(void **state)
{
	struct pair *p = pair_new();

	(void)state;
	keys_set(p, 0, 1, 1);
	keys_set(p, 1, 3, 1);
	link_up(p);
	pair_run(p, 10 * SECOND_US);
	assert_neighbours(p, false);
	assert_true(node_mac_counters(p->hosts[0].node, 0)->wrong_mac > 0);
	assert_true(node_counters(p->hosts[0].node)->drops.not_authentic > 0);
	keys_set(p, 1, 0, 0);
	pair_run(p, 10 * SECOND_US);
	assert_int_equal(cost_of(p, 0), BABEL_INFINITY);
	assert_true(node_mac_counters(p->hosts[0].node, 0)->no_mac > 0);
	pair_free(p);
}

static void keys_change_under_way__rfc8967_5(void **state)
{
	static const struct {
		unsigned host, first, count;
	} steps[] = { { 0, 1, 2 }, { 1, 1, 2 }, { 0, 2, 1 }, { 1, 2, 1 } };
	struct pair *p = pair_new();

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		keys_set(p, i, 1, 1);
	link_up(p);
	pair_run(p, 10 * SECOND_US);
	for (unsigned s = 0; s < sizeof(steps) / sizeof(steps[0]); s++) {
		keys_set(p, steps[s].host, steps[s].first, steps[s].count);
		for (unsigned i = 0; i < 500; i++) {
			pair_run(p, STEP_US);
			assert_neighbours(p, true);
		}
	}
	assert_int_equal(node_mac_counters(p->hosts[0].node, 0)->challenges_sent, 1);
	pair_free(p);
}

/* First everybody signs and nobody insists; then they do (RFC 8967, 5). */
static void lenient_hears_who_has_no_key__rfc8967_5(void **state)
{
	struct pair *p = pair_new();
	struct secret_packet_key key;

	(void)state;
	assert_int_equal(packet_key_init(&key, PACKET_HMAC_SHA256, bytes_of("0123456789abcdef", 16)), 0);
	assert_int_equal(node_mac_set(p->hosts[0].node, 0, &key, 1, true), 0);
	link_up(p);
	pair_run(p, 10 * SECOND_US);
	assert_neighbours(p, true);
	assert_int_equal(node_mac_set(p->hosts[1].node, 0, &key, 1, false), 0);
	pair_run(p, 10 * SECOND_US);
	assert_neighbours(p, true);
	assert_int_equal(node_mac_set(p->hosts[0].node, 0, &key, 1, false), 0);
	pair_run(p, 10 * SECOND_US);
	assert_neighbours(p, true);
	pair_free(p);
}

static void packets_leave_room_for_their_macs__rfc8967_4_2(void **state)
{
	struct pair *p = pair_new();

	(void)state;
	for (unsigned i = 0; i < 2; i++)
		keys_set(p, i, 1, NODE_MAC_KEYS_MAX);
	for (unsigned i = 0; i < 200; i++) {
		struct prefix prefix = prefix_of(address_ipv6((uint8_t[16]){ 0xfd, 9, (uint8_t)i }), 64);

		assert_int_equal(babel_originate(p->hosts[0].node->babel, p->now_us, &prefix, 0), 0);
	}
	link_up(p);
	pair_run(p, 10 * SECOND_US);
	assert_neighbours(p, true);
	assert_true(p->longest > 1452 - BABEL_MAC_OVERHEAD && p->longest <= 1452);
	pair_free(p);
}

static void only_plain_links_have_keys(void **state)
{
	struct pair *p = pair_new();
	const struct node_link_config sealed = {
		.name = "radio", .mtu = 1500, .rxcost = 96, .hello_ms = 1000, .update_s = 4
	};

	(void)state;
	assert_int_equal(node_link_add(p->hosts[0].node, p->now_us, 1, &sealed), 0);
	assert_int_equal(node_mac_set(p->hosts[0].node, 1, NULL, 0, false), -EINVAL);
	assert_int_equal(node_mac_set(p->hosts[0].node, 2, NULL, 0, false), -EINVAL);
	assert_int_equal(node_mac_set(p->hosts[0].node, 0, NULL, NODE_MAC_KEYS_MAX + 1, false), -EINVAL);
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_the_key_is_a_neighbour__rfc8967_4),
		cmocka_unit_test(who_has_another_key_or_none_is_not__rfc8967_4_3),
		cmocka_unit_test(keys_change_under_way__rfc8967_5),
		cmocka_unit_test(lenient_hears_who_has_no_key__rfc8967_5),
		cmocka_unit_test(packets_leave_room_for_their_macs__rfc8967_4_2),
		cmocka_unit_test(only_plain_links_have_keys),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
