/* Members are kept once for all nodes of a world, and a newer certificate replaces an older one everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "sim/world/trial.h"

#include <sodium.h>
#include <string.h>

#define THREE                                                                                                          \
	"for: 40\nnodes: [{name: a}, {name: b}, {name: c}]\nlinks:\n  - {name: l, preset: fibre, ends: [a:f0, "        \
	"b:f0]}\n"                                                                                                     \
	"  - {name: m, preset: fibre, ends: [b:f1, c:f0]}\n"

struct run {
	struct plan *plan;
	struct trial *trial;
	struct world *w;
};

static struct run run_begin(void)
{
	char error[PLAN_ERROR_MAX];
	struct run r = { .plan = plan_parse("test", bytes_of(THREE, strlen(THREE)), error) };

	if (!r.plan)
		fail_msg("%s", error);
	r.trial = trial_new(r.plan, 1, NULL);
	assert_non_null(r.trial);
	r.w = r.trial->world;
	world_run(r.w, WORLD_START_US + 10 * SECOND_US);
	return r;
}

static void run_end(struct run *r)
{
	trial_free(r->trial);
	plan_free(r->plan);
}

static router_id rid_of(const struct station *s)
{
	router_id rid;

	identity_router_id(rid.bytes, &s->enrolment.identity.public);
	return rid;
}

static void what_two_nodes_know_is_there_once(void **state)
{
	struct run r = run_begin();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		router_id rid = rid_of(r.w->stations[i]);
		const struct certificate *known = node_certificate_of(r.w->stations[0]->node, &rid);

		assert_non_null(known);
		assert_string_equal(known->name, r.w->stations[i]->name);
		for (unsigned k = 1; k < 3; k++)
			assert_ptr_equal(node_certificate_of(r.w->stations[k]->node, &rid), known);
	}
	run_end(&r);
}

static void peer_certificate(void *arg, const struct node_peer_info *info)
{
	const struct certificate **c = arg;

	*c = info->certificate;
}

static void a_newer_certificate_reaches_who_is_connected_and_no_other_node(void **state)
{
	struct run r = run_begin();
	struct station *a = r.w->stations[0], *b = r.w->stations[1], *c = r.w->stations[2];
	struct certificate newer = b->enrolment.certificate;
	const struct certificate *peer = NULL;
	uint8_t encoded[CERTIFICATE_MAX_LEN];
	router_id rid = rid_of(b);

	(void)state;
	assert_int_equal(certificate_issue(&newer, &r.w->authority), 0);
	int len = certificate_encode(&newer, encoded, sizeof(encoded));
	assert_true(len > 0);
	assert_int_equal(node_certificate_add(a->node, bytes_of(encoded, (size_t)len)), 0);
	node_dump_peers(a->node, peer_certificate, &peer);
	assert_non_null(peer);
	assert_int_equal(peer->serial, newer.serial);
	assert_ptr_equal(node_certificate_of(a->node, &rid), peer);
	assert_true(node_certificate_of(c->node, &rid)->serial < newer.serial);
	run_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_two_nodes_know_is_there_once),
		cmocka_unit_test(a_newer_certificate_reaches_who_is_connected_and_no_other_node),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
