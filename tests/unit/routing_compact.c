/*
 * Tables told by short-ids (docs/routing.md): speaker 0 learns of members from probe 1,
 * on a cable, and tells speaker 2 over a thin link.
 */
#include "routing/compact.h"
#include "tests/unit/routing_harness.h"

#include <stdio.h>

#define MEMBERS 1073
#define CABLE 0
#define THIN 1
#define LANS_OF 5 /* each fifth member names two prefixes beside its own */

static struct babel_member cards[MEMBERS];
static struct prefix lans[MEMBERS][2];

struct value {
	router_id origin;
	uint16_t seqno;
	uint16_t metric;
};
static struct value values[MEMBERS]; /* as the probe announces them */
static struct value lan_values[MEMBERS][2];

static struct prefix host_of(unsigned i)
{
	uint8_t bytes[16] = { 0xfd, 0xaa, [8] = 2, [14] = (uint8_t)(i >> 8), [15] = (uint8_t)i };

	return prefix_of_host(address_ipv6(bytes));
}

static struct prefix lan_of(unsigned i, unsigned k)
{
	return k ? prefix_of(address_ipv6((uint8_t[16]){ 0xfd, 0xbb, (uint8_t)(i >> 8), (uint8_t)i }), 64)
		 : prefix_of(address_ipv4((uint8_t[4]){ 10, (uint8_t)(i >> 8), (uint8_t)i }), 24);
}

static void cards_write(bool has_lans)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		cards[i] = (struct babel_member){ .short_id = (uint16_t)(i + 1), .host = host_of(i) };
		cards[i].origin = (router_id){ { 2, 0, 0, 0, 9, 9, (uint8_t)(i >> 8), (uint8_t)i } };
		lans[i][0] = lan_of(i, 0);
		lans[i][1] = lan_of(i, 1);
		cards[i].lans = lans[i];
		cards[i].lan_count = has_lans && i % LANS_OF == 0 ? 2 : 0;
		values[i] = (struct value){ cards[i].origin, 1, (uint16_t)(100 + i) };
		lan_values[i][0] = lan_values[i][1] = values[i];
	}
}

/* --- the probe ------------------------------------------------------------------------- */

static void tell(struct speech *s, const struct prefix *prefix, const struct value *v)
{
	struct babel_tlv tlv = { .type = TLV_UPDATE };

	tlv.u.update.prefix = *prefix;
	tlv.u.update.interval_cs = 60000;
	tlv.u.update.seqno = v->seqno;
	tlv.u.update.metric = v->metric;
	tlv.u.update.origin = v->origin;
	tlv.u.update.v4_via_v6 = prefix->address.family == FAMILY_IPV4;
	if (wire_write(&s->builder, &tlv) == 0)
		return;
	speech_end(s, 0);
	speech_begin(s);
	speech_add(s, tlv);
}

static void tell_member(struct speech *s, unsigned i)
{
	tell(s, &cards[i].host, &values[i]);
	for (unsigned k = 0; k < cards[i].lan_count; k++)
		tell(s, &lans[i][k], &lan_values[i][k]);
}

static void tell_all(struct world *w)
{
	struct speech s = probe_speech(w, 1, CABLE);

	speech_begin(&s);
	for (unsigned i = 0; i < MEMBERS; i++)
		tell_member(&s, i);
	speech_end(&s, 0);
}

/* --- the thin link ---------------------------------------------------------------------- */

static struct session *session_of(struct world *w, unsigned i)
{
	struct address other = world_address(2 - i, THIN);
	struct neighbour *n = neighbour_find(w->nodes[i].b->links[THIN], &other);

	return n->session;
}

static void thin_join(struct world *w, bool is_compact)
{
	struct babel_link_config config = world_link();

	config.is_thin = true;
	config.packet_max = 512;
	config.hello_interval_cs = 400;
	config.update_interval_cs = 6000;
	for (unsigned i = 0; i <= 2; i += 2) {
		struct address other = world_address(2 - i, THIN);

		node_join_with(w, i, THIN, config);
		babel_neighbour_session(w->nodes[i].b, w->now, THIN, &other, 7, 0);
		if (is_compact)
			assert_true(babel_neighbour_compact(w->nodes[i].b, THIN, &other));
		node_poll(w, i);
	}
}

static struct world *world_with(bool has_lans)
{
	struct world *w = world_new(3);

	cards_write(has_lans);
	for (unsigned i = 0; i <= 2; i += 2) {
		node_start(w, i);
		w->nodes[i].cards = cards;
		w->nodes[i].card_count = MEMBERS;
	}
	probe_start(w, 1);
	world_cable(w, CABLE, 0, 1);
	world_run(w, 10 * MILLISECOND);
	probe_befriend(w, 1, CABLE, 0, 7);
	probe_say(w, 1, CABLE, 0, say_hello(9, 60000));
	probe_say(w, 1, CABLE, 0, say_ihu(96, 60000));
	tell_all(w);
	return w;
}

static struct world *world_with_table(void)
{
	return world_with(true);
}

static bool is_in_step(struct world *w)
{
	const struct session_out *out = &session_of(w, 0)->out;
	const struct session_in *in = &session_of(w, 2)->in;

	return in->has_begun && !in->is_syncing && in->applied == out->ver && in->digest == out->digest;
}

static void run_until_in_step(struct world *w, unsigned seconds)
{
	for (unsigned i = 0; i < seconds && !is_in_step(w); i++) {
		probe_forget(w, 1);
		world_run(w, A_SECOND);
	}
	assert_true(is_in_step(w));
}

static const struct babel_counters *counters_of(struct world *w, unsigned i)
{
	return babel_counters(w->nodes[i].b);
}

static void assert_told(struct world *w, const struct prefix *prefix, const struct value *v)
{
	struct destination *d = destination_find(w->nodes[2].b, prefix);
	struct address other = world_address(0, THIN);
	struct route *r = d ? route_find(d, neighbour_find(w->nodes[2].b->links[THIN], &other)) : NULL;

	if (v->metric == BABEL_INFINITY) {
		assert_true(!r || !route_is_announced(r));
		return;
	}
	assert_non_null(r);
	const struct claim *claim = &r->variants[BABEL_TEXT].claim;
	assert_true(router_id_equal(&claim->origin, &v->origin));
	assert_int_equal(claim->seqno, v->seqno);
	assert_true(r->is_v4_via_v6 == (prefix->address.family == FAMILY_IPV4));
}

static void assert_all_told(struct world *w)
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		assert_told(w, &cards[i].host, &values[i]);
		for (unsigned k = 0; k < cards[i].lan_count; k++)
			assert_told(w, &lans[i][k], &lan_values[i][k]);
	}
}

/* --- tests -------------------------------------------------------------------------------- */

static void table_of_1073_members_takes_4700_bytes__protocol_1_1(void **state)
{
	struct world *w = world_with_table();

	(void)state;
	thin_join(w, true);
	run_until_in_step(w, 60);
	assert_all_told(w);
	printf("# table of %d members: %zu bytes of packets, %llu lists\n", MEMBERS, w->segments[THIN].bytes,
		(unsigned long long)counters_of(w, 0)->compacts_sent);
	assert_in_range(w->segments[THIN].bytes, 4292, 5100);
	assert_int_equal(counters_of(w, 2)->compacts_refused, 0);
	assert_int_equal(counters_of(w, 2)->updates_received, 0);
	world_free(w);
}

static void neighbour_that_reads_no_short_ids_is_told_in_full(void **state)
{
	struct world *w = world_with_table();

	(void)state;
	thin_join(w, false);
	run_until_in_step(w, 60);
	assert_all_told(w);
	assert_int_equal(counters_of(w, 0)->compacts_sent, 0);
	world_free(w);
}

static void lost_uplink_takes_few_bytes_whatever_hung_on_it(void **state)
{
	struct world *w = world_with_table();

	(void)state;
	thin_join(w, true);
	run_until_in_step(w, 60);
	size_t before = w->segments[THIN].bytes;
	for (unsigned i = 0; i < MEMBERS; i++)
		values[i].metric = lan_values[i][0].metric = lan_values[i][1].metric = BABEL_INFINITY;
	/* The cable to all of them. */
	struct address probe = world_address(1, CABLE);
	babel_neighbour_lost(w->nodes[0].b, w->now, CABLE, &probe);
	node_poll(w, 0);
	for (unsigned k = 0; k < 100 && session_of(w, 2)->n->route_count; k++) {
		world_run(w, 100 * MILLISECOND);
		probe_forget(w, 1);
	}
	assert_int_equal(session_of(w, 2)->n->route_count, 0);
	assert_true(is_in_step(w));
	printf("# loss of %d members: %zu bytes\n", MEMBERS, w->segments[THIN].bytes - before);
	/* All of them are asked for, too, with their seqnos: nobody announces them there. */
	assert_in_range(w->segments[THIN].bytes - before, 1, 6000);
	world_free(w);
}

static void shuffle(struct prng *p, unsigned order[MEMBERS])
{
	for (unsigned i = 0; i < MEMBERS; i++) {
		unsigned at = (unsigned)prng_below(p, i + 1);

		order[i] = order[at];
		order[at] = i;
	}
}

/* Rows form while others of their members still come, in whatever order they were told of. */
static void losses_in_any_order_are_understood(void **state)
{
	struct world *w = world_with(false);
	unsigned order[MEMBERS];
	struct prng p;

	(void)state;
	prng_seed(&p, 3);
	thin_join(w, true);
	run_until_in_step(w, 60);
	shuffle(&p, order);
	struct speech s = probe_speech(w, 1, CABLE);
	speech_begin(&s);
	for (unsigned i = 0; i < MEMBERS; i++) {
		values[order[i]].metric = BABEL_INFINITY;
		tell_member(&s, order[i]);
	}
	speech_end(&s, 0);
	run_until_in_step(w, 60);
	assert_all_told(w);
	assert_int_equal(counters_of(w, 2)->tlvs_malformed, 0);
	assert_int_equal(counters_of(w, 2)->sync_mismatches, 0);
	world_free(w);
}

static void answers_to_requests_take_few_bytes(void **state)
{
	struct world *w = world_with_table();

	(void)state;
	thin_join(w, true);
	run_until_in_step(w, 60);
	for (unsigned i = 0; i < MEMBERS; i++) {
		values[i].seqno = lan_values[i][0].seqno = lan_values[i][1].seqno = 2;
	}
	tell_all(w);
	size_t before = w->segments[THIN].bytes;
	for (unsigned i = 0; i < MEMBERS; i++) {
		session_reply(session_of(w, 0), destination_find(w->nodes[0].b, &cards[i].host), w->now);
		for (unsigned k = 0; k < cards[i].lan_count; k++)
			session_reply(session_of(w, 0), destination_find(w->nodes[0].b, &lans[i][k]), w->now);
	}
	node_poll(w, 0);
	run_until_in_step(w, 60);
	assert_all_told(w);
	printf("# %d newer seqnos: %zu bytes\n", MEMBERS, w->segments[THIN].bytes - before);
	assert_in_range(w->segments[THIN].bytes - before, 1, 1700); /* and acknowledgments, as they go */
	world_free(w);
}

/* Prefixes of which the probe was asked for this seqno, each by a request of its own; with how many hops left. */
static unsigned requests_heard(struct world *w, uint16_t seqno, uint8_t hops)
{
	const struct node *probe = &w->nodes[1];
	unsigned count = 0;

	for (size_t k = 0; k < probe->heard_count; k++)
		count += probe->heard[k].tlv.type == TLV_SEQNO_REQUEST &&
			 probe->heard[k].tlv.u.seqno_request.seqno == seqno &&
			 probe->heard[k].tlv.u.seqno_request.hop_count == hops;
	return count;
}

static void ask_for(struct world *w, const struct prefix *prefix, const router_id *origin)
{
	struct destination *d = destination_find(w->nodes[2].b, prefix);
	struct address other = world_address(0, THIN);

	request_seqno(d, w->now, BABEL_TEXT, origin, neighbour_find(w->nodes[2].b->links[THIN], &other));
}

/* 2.5: each keeps its rules, and is passed on to one next hop with one hop less. */
static void requests_travel_by_the_list_and_are_passed_on_one_by_one__protocol_2_5(void **state)
{
	struct world *w = world_with_table();
	unsigned prefixes = 0;

	(void)state;
	thin_join(w, true);
	run_until_in_step(w, 60);
	world_run(w,
		6 * A_SECOND); /* it announces them to nobody, and so has no distance of its own but of what it told */
	probe_forget(w, 1);
	size_t before = w->segments[THIN].bytes;
	for (unsigned i = 0; i < MEMBERS; i++) {
		struct destination *d = destination_find(w->nodes[2].b, &cards[i].host);
		const struct claim far = { .origin = cards[i].origin, .seqno = 1, .metric = 1 };

		assert_true(source_update(d, w->now, BABEL_TEXT, &far, A_SECOND * 600));
		ask_for(w, &cards[i].host, &cards[i].origin);
		prefixes++;
		for (unsigned k = 0; k < cards[i].lan_count; k++, prefixes++) {
			d = destination_find(w->nodes[2].b, &lans[i][k]);
			assert_true(source_update(d, w->now, BABEL_TEXT, &far, A_SECOND * 600));
			ask_for(w, &lans[i][k], &cards[i].origin);
		}
	}
	node_poll(w, 2);
	world_run(w, 400 * MILLISECOND);
	printf("# %u requests: %zu bytes\n", prefixes, w->segments[THIN].bytes - before);
	assert_int_equal(requests_heard(w, 2, 63), prefixes);
	assert_int_equal(counters_of(w, 2)->seqno_requests_batched, MEMBERS);
	assert_in_range(w->segments[THIN].bytes - before, 1, 2600);
	world_free(w);
}

/* "One newer than you announced", of the first member. */
static void be_asked_for_one_newer(struct world *w)
{
	struct babel_tlv tlv = { .type = TLV_BATCH_REQUEST };
	struct batch_item item = { .id = cards[0].short_id, .is_relative = true };
	uint8_t room[16];
	struct list_writer l = list_writer_of(room, sizeof(room), 0);

	assert_true(batch_write(&l, false, &item));
	tlv.u.batch.hop_count = 64;
	tlv.u.batch.items = writer_bytes(&l.w);
	probe_forget(w, 1);
	batch_received(session_of(w, 0), w->now, &tlv);
	node_poll(w, 0);
	world_run(w, 100 * MILLISECOND);
}

/* Each further one would have the origin announce itself anew to everybody. */
static void a_request_that_crosses_its_answer_asks_for_no_more(void **state)
{
	struct world *w = world_with_table();

	(void)state;
	thin_join(w, true);
	run_until_in_step(w, 60);
	be_asked_for_one_newer(w);
	assert_int_equal(requests_heard(w, 2, 63), 1);
	/* The answer is here, and not there yet. */
	values[0].seqno = 2;
	tell_all(w);
	session_reply(session_of(w, 0), destination_find(w->nodes[0].b, &cards[0].host), w->now);
	uint32_t ver = session_of(w, 0)->out.ver;
	be_asked_for_one_newer(w);
	assert_int_equal(requests_heard(w, 3, 63), 0);
	assert_int_equal(session_of(w, 0)->out.ver, ver); /* it is said until it is acknowledged, and not once more */
	run_until_in_step(w, 60);
	world_run(w, 5 * A_SECOND);
	assert_told(w, &cards[0].host, &values[0]);
	be_asked_for_one_newer(w);
	assert_int_equal(requests_heard(w, 3, 63), 1);
	world_free(w);
}

static void unknown_member_is_asked_for_in_full(void **state)
{
	struct world *w = world_with_table();

	(void)state;
	w->nodes[2].card_count = MEMBERS - 1;
	thin_join(w, true);
	run_until_in_step(w, 60);
	assert_all_told(w);
	assert_in_range(counters_of(w, 2)->compacts_refused, 1, 2);
	assert_int_equal(counters_of(w, 2)->updates_received, 1);
	world_free(w);
}

/* Speaker 2 takes one member's short-id for another's: with the routes of both, it would believe that who is near is
 * who is far. */
static void short_id_of_another_member_is_never_believed(void **state)
{
	static struct babel_member others[MEMBERS];
	struct world *w = world_with_table();

	(void)state;
	memcpy(others, cards, sizeof(others));
	others[7].host = host_of(MEMBERS + 7);
	others[7].origin.bytes[7] = 0xee;
	w->nodes[2].cards = others;
	thin_join(w, true);
	for (unsigned k = 0; k < 60; k++) {
		world_run(w, A_SECOND);
		probe_forget(w, 1);
		assert_null(destination_find(w->nodes[2].b, &others[7].host));
	}
	run_until_in_step(w, 60);
	assert_all_told(w);
	assert_true(counters_of(w, 2)->compacts_refused > 0);
	assert_true(counters_of(w, 2)->updates_received > 0);
	assert_int_equal(counters_of(w, 2)->sync_mismatches, 0);
	world_free(w);
}

static void certificate_that_names_other_prefixes_here_and_there_is_noticed(void **state)
{
	static struct babel_member others[MEMBERS];
	struct world *w = world_with_table();

	(void)state;
	memcpy(others, cards, sizeof(others));
	others[LANS_OF].lan_count = 1; /* an older one */
	w->nodes[2].cards = others;
	thin_join(w, true);
	run_until_in_step(w, 60);
	assert_all_told(w);
	assert_int_equal(counters_of(w, 2)->sync_mismatches, 0);
	world_free(w);
}

/* --- at random ------------------------------------------------------------------------------ */

static void value_change(struct prng *p, struct value *v, unsigned i)
{
	switch (prng_below(p, 6)) {
	case 0:
		v->metric = BABEL_INFINITY;
		break;
	case 1:
		v->seqno++;
		/* fall through */
	case 2:
		if (v->metric == BABEL_INFINITY)
			v->metric = (uint16_t)(100 + prng_below(p, 100));
		break;
	case 3:
		v->origin.bytes[1] = (uint8_t)prng_below(p, 3); /* it lost its storage */
		v->seqno = (uint16_t)prng_below(p, 4);
		v->metric = (uint16_t)(100 + i);
		break;
	default:
		v->seqno = (uint16_t)(v->seqno + prng_below(p, 3));
		v->metric = (uint16_t)(100 + prng_below(p, 3000));
		break;
	}
}

static void some_members_change(struct world *w, struct prng *p)
{
	struct speech s = probe_speech(w, 1, CABLE);
	unsigned first = (unsigned)prng_below(p, MEMBERS), count = (unsigned)prng_below(p, 60);

	speech_begin(&s);
	for (unsigned i = first; i < first + count && i < MEMBERS; i++) {
		value_change(p, &values[i], i);
		for (unsigned k = 0; k < 2; k++) {
			if (prng_below(p, 5) == 0)
				value_change(p, &lan_values[i][k], i);
			else
				lan_values[i][k] = values[i];
		}
		tell_member(&s, i);
	}
	speech_end(&s, 0);
}

/* A member that answers who asks for a newer seqno: everything is feasible in the end. */
static void answer_requests(struct world *w)
{
	struct node *n = &w->nodes[1];
	size_t count = n->heard_count;
	struct speech s = probe_speech(w, 1, CABLE);

	speech_begin(&s);
	for (size_t k = 0; k < count; k++) {
		const struct babel_tlv *t = &n->heard[k].tlv;

		if (t->type != TLV_SEQNO_REQUEST)
			continue;
		for (unsigned i = 0; i < MEMBERS; i++) {
			struct value *v = prefix_equal(&cards[i].host, &t->u.seqno_request.prefix) ? &values[i]
					  : prefix_equal(&lans[i][0], &t->u.seqno_request.prefix)  ? &lan_values[i][0]
					  : prefix_equal(&lans[i][1], &t->u.seqno_request.prefix)  ? &lan_values[i][1]
												   : NULL;

			if (!v || v->metric == BABEL_INFINITY)
				continue;
			if (seqno_is_newer(t->u.seqno_request.seqno, v->seqno))
				v->seqno = t->u.seqno_request.seqno;
			tell(&s, &t->u.seqno_request.prefix, v);
		}
	}
	speech_end(&s, 0);
	probe_forget(w, 1);
}

static bool same_as_sender(struct world *w, const struct prefix *prefix)
{
	struct destination *d = destination_find(w->nodes[2].b, prefix), *at = destination_find(w->nodes[0].b, prefix);
	struct address other = world_address(0, THIN);
	struct route *r = d ? route_find(d, neighbour_find(w->nodes[2].b->links[THIN], &other)) : NULL;
	const struct session_out *out = &session_of(w, 0)->out;
	const struct adj_out *e = at && at->index < out->capacity ? &out->entries[at->index] : NULL;
	bool is_finite = e && e->ver && claims_are_finite(e->claims);

	if (!is_finite || !r)
		return !is_finite && !r;
	return memcmp(&r->variants[BABEL_TEXT].claim, &e->claims[BABEL_TEXT], sizeof(e->claims[0])) == 0;
}

/* Whatever changes and whatever is lost: in the end both tables are the same, and no digest had to tell. */
static void tables_are_the_same_whatever_happens(void **state)
{
	struct world *w = world_with_table();
	struct prng p;

	(void)state;
	w->allow_loops = true; /* the probe is many nodes and none */
	prng_seed(&p, 42);
	thin_join(w, true);
	w->segments[THIN].loss_permille = 150;
	for (unsigned round = 0; round < 150; round++) {
		some_members_change(w, &p);
		world_run(w, prng_below(&p, 3000) * MILLISECOND);
		answer_requests(w);
		if (round % 50 == 49)
			adj_in_ask(session_of(w, 2), w->now);
	}
	w->segments[THIN].loss_permille = 0;
	for (unsigned k = 0; k < 90; k++) {
		world_run(w, A_SECOND);
		answer_requests(w);
	}
	run_until_in_step(w, 120);
	for (unsigned i = 0; i < MEMBERS; i++) {
		assert_true(same_as_sender(w, &cards[i].host));
		for (unsigned k = 0; k < 2; k++)
			assert_true(same_as_sender(w, &lans[i][k]));
	}
	printf("# %llu lists, %llu refused, %llu updates in full\n",
		(unsigned long long)counters_of(w, 2)->compacts_received,
		(unsigned long long)counters_of(w, 2)->compacts_refused,
		(unsigned long long)counters_of(w, 2)->updates_received);
	assert_int_equal(counters_of(w, 2)->sync_mismatches, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_of_1073_members_takes_4700_bytes__protocol_1_1),
		cmocka_unit_test(neighbour_that_reads_no_short_ids_is_told_in_full),
		cmocka_unit_test(lost_uplink_takes_few_bytes_whatever_hung_on_it),
		cmocka_unit_test(losses_in_any_order_are_understood),
		cmocka_unit_test(answers_to_requests_take_few_bytes),
		cmocka_unit_test(requests_travel_by_the_list_and_are_passed_on_one_by_one__protocol_2_5),
		cmocka_unit_test(a_request_that_crosses_its_answer_asks_for_no_more),
		cmocka_unit_test(unknown_member_is_asked_for_in_full),
		cmocka_unit_test(short_id_of_another_member_is_never_believed),
		cmocka_unit_test(certificate_that_names_other_prefixes_here_and_there_is_noticed),
		cmocka_unit_test(tables_are_the_same_whatever_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
