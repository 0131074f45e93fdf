/* Certificates kept over a restart: verified once by their signature, later by the node's own proof. */
#include "tests/unit/node_world.h"

#include <errno.h>

/* Station 0 has started and knows nobody; stations 1 and 2 are other members. */
static struct world *members(uint64_t seed)
{
	struct world *w = world_new(seed);

	for (unsigned i = 0; i < 3; i++)
		station_enrol(w, i, NULL, NULL);
	station_start(w, 0);
	return w;
}

static struct bytes encoded_of(const struct world *w, unsigned i, uint8_t out[CERTIFICATE_MAX_LEN])
{
	int len = certificate_encode(&w->stations[i].enrolment.certificate, out, CERTIFICATE_MAX_LEN);

	assert_true(len > 0);
	return bytes_of(out, (size_t)len);
}

static void proof_of(const struct world *w, unsigned holder, struct bytes encoded, uint8_t proof[CERTIFICATE_PROOF_LEN])
{
	const struct enrolment *e = &w->stations[holder].enrolment;
	uint8_t key[KEY_LEN];

	proof_key(key, &e->identity);
	certificate_proof(proof, key, &e->authority, encoded);
}

static bool knows(const struct world *w, unsigned i)
{
	return node_certificate_of(w->stations[0].node, &w->stations[i].rid) != NULL;
}

static void stored_proof_is_good_at_the_next_start(void **state)
{
	struct world *w = members(1);
	struct station *s = &w->stations[0];
	uint8_t buffer[CERTIFICATE_MAX_LEN], proof[CERTIFICATE_PROOF_LEN], again[CERTIFICATE_PROOF_LEN];
	struct bytes encoded = encoded_of(w, 1, buffer);

	(void)state;
	assert_int_equal(node_certificate_add(s->node, encoded), 0);
	memcpy(proof, s->proof_stored, sizeof(proof));
	node_certificate_prove(s->node, node_certificate_of(s->node, &w->stations[1].rid), again);
	assert_memory_equal(proof, again, sizeof(proof));

	station_kill(w, 0);
	station_start(w, 0);
	unsigned stored = s->certificates_stored;
	assert_false(knows(w, 1));
	assert_int_equal(node_certificate_restore(s->node, encoded, proof), 0);
	assert_true(knows(w, 1));
	assert_int_equal(s->certificates_stored, stored); /* it is on the disk */
	world_free(w);
}

/* What only a proof vouches for is taken: the signature was not looked at. */
static void right_proof_replaces_the_signature(void **state)
{
	struct world *w = members(2);
	uint8_t buffer[CERTIFICATE_MAX_LEN], proof[CERTIFICATE_PROOF_LEN];
	struct bytes encoded = encoded_of(w, 1, buffer);

	(void)state;
	buffer[encoded.len - 1] ^= 1;
	assert_int_equal(node_certificate_restore(w->stations[0].node, encoded, NULL), -EKEYREJECTED);
	proof_of(w, 0, encoded, proof);
	assert_int_equal(node_certificate_restore(w->stations[0].node, encoded, proof), 0);
	assert_true(knows(w, 1));
	world_free(w);
}

static void any_other_proof_falls_back_to_the_signature(void **state)
{
	struct world *w = members(3);
	struct station *s = &w->stations[0];
	uint8_t buffer[CERTIFICATE_MAX_LEN], right[CERTIFICATE_PROOF_LEN], proof[CERTIFICATE_PROOF_LEN];
	unsigned stored = s->certificates_stored;

	(void)state;
	/* Damaged: every bit counts. The certificate is good, and is stored with the right proof. */
	for (unsigned bit = 0; bit < 8 * CERTIFICATE_PROOF_LEN; bit++) {
		struct bytes encoded = encoded_of(w, 1, buffer);

		proof_of(w, 0, encoded, right);
		memcpy(proof, right, sizeof(proof));
		proof[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(node_certificate_restore(s->node, encoded, proof), 0);
		assert_int_equal(s->certificates_stored, ++stored);
		assert_memory_equal(s->proof_stored, right, sizeof(right));
		buffer[encoded.len - 1] ^= 1;
		assert_int_equal(node_certificate_restore(s->node, encoded, proof), -EKEYREJECTED);
		station_kill(w, 0);
		station_start(w, 0);
		stored = s->certificates_stored;
	}
	/* Another node's proof of the same, and ours of another certificate. */
	for (unsigned holder = 0; holder < 2; holder++) {
		struct bytes encoded = encoded_of(w, holder ? 1 : 2, buffer);

		proof_of(w, holder, encoded, proof);
		encoded = encoded_of(w, 1, buffer);
		buffer[encoded.len - 1] ^= 1;
		assert_int_equal(node_certificate_restore(s->node, encoded, proof), -EKEYREJECTED);
		assert_false(knows(w, 1));
	}
	world_free(w);
}

static void proof_holds_for_these_very_bytes(void **state)
{
	struct world *w = members(4);
	uint8_t buffer[CERTIFICATE_MAX_LEN], proof[CERTIFICATE_PROOF_LEN];
	struct bytes encoded = encoded_of(w, 1, buffer);

	(void)state;
	proof_of(w, 0, encoded, proof);
	for (size_t at = 0; at < encoded.len; at++) {
		buffer[at] ^= 0x10;
		assert_true(node_certificate_restore(w->stations[0].node, encoded, proof) < 0);
		buffer[at] ^= 0x10;
	}
	assert_false(knows(w, 1));
	assert_int_equal(node_certificate_restore(w->stations[0].node, encoded, proof), 0);
	world_free(w);
}

/* A renewed certificate of the same keys leaves the proofs as they are; new keys are another node. */
static void enrolled_again_the_proofs_go_with_the_keys(void **state)
{
	struct world *w = members(5);
	struct station *s = &w->stations[0];
	uint8_t buffer[CERTIFICATE_MAX_LEN], proof[CERTIFICATE_PROOF_LEN];
	struct bytes encoded = encoded_of(w, 1, buffer);

	(void)state;
	assert_int_equal(node_certificate_add(s->node, encoded), 0);
	memcpy(proof, s->proof_stored, sizeof(proof));
	for (unsigned is_new_key = 0; is_new_key < 2; is_new_key++) {
		station_kill(w, 0);
		if (is_new_key)
			station_enrol(w, 0, NULL, NULL);
		else
			assert_int_equal(certificate_issue(&s->enrolment.certificate, &w->authority), 0);
		station_start(w, 0);
		unsigned stored = s->certificates_stored;
		assert_int_equal(node_certificate_restore(s->node, encoded, proof), 0);
		assert_true(knows(w, 1));
		assert_int_equal(s->certificates_stored, stored + is_new_key);
	}
	world_free(w);
}

/* Another authority of the same deployment number: its members were verified with its key. */
static void proof_under_another_authority_is_worth_nothing(void **state)
{
	struct world *w = members(6);
	struct station *s = &w->stations[0];
	struct secret_authority other = w->authority;
	struct certificate c = w->stations[1].enrolment.certificate;
	uint8_t buffer[CERTIFICATE_MAX_LEN], key[KEY_LEN], proof[CERTIFICATE_PROOF_LEN];
	struct random random = prng_random(&s->prng);

	(void)state;
	authority_generate(&other, &random);
	other.public.deployment = w->authority.public.deployment;
	assert_int_equal(certificate_issue(&c, &other), 0);
	c.issuer = authority_id(&w->authority.public);
	int len = certificate_encode(&c, buffer, sizeof(buffer));
	proof_key(key, &s->enrolment.identity);
	certificate_proof(proof, key, &other.public, bytes_of(buffer, (size_t)len));
	assert_int_equal(node_certificate_restore(s->node, bytes_of(buffer, (size_t)len), proof), -EKEYREJECTED);
	world_free(w);
}

static void proven_certificate_still_expires(void **state)
{
	struct world *w = members(7);
	struct station *s = &w->stations[0];
	uint8_t buffer[CERTIFICATE_MAX_LEN], proof[CERTIFICATE_PROOF_LEN];
	struct certificate *c = &w->stations[1].enrolment.certificate;

	(void)state;
	station_kill(w, 0);
	s->t_lo = s->enrolment.certificate.not_after - 10;
	c->not_after = s->t_lo - 1;
	assert_int_equal(certificate_issue(c, &w->authority), 0);
	station_start(w, 0);
	struct bytes encoded = encoded_of(w, 1, buffer);
	proof_of(w, 0, encoded, proof);
	assert_int_equal(node_certificate_restore(s->node, encoded, proof), -EKEYEXPIRED);
	assert_false(knows(w, 1));
	world_free(w);
}

/* --- asking neighbours ------------------------------------------------------------------- */

#define UNKNOWN 8

static unsigned asks, asked_for;

static void count_asks(void *user, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	(void)user;
	(void)link;
	(void)neighbour;
	if (!is_out || inner.data[0] != KIND_CONTROL || inner.data[1] != 2)
		return;
	asks++;
	asked_for += (unsigned)(inner.len - 2) / sizeof(router_id);
}

static struct world *neighbours(uint64_t seed)
{
	struct world *w = world_of(seed, 2);

	segment_make(w, 0, true);
	station_join(w, 0, 0);
	station_join(w, 1, 0);
	world_run(w, 10 * A_SECOND);
	assert_true(is_peer(w, 0, 1, 0));
	return w;
}

/* Station 1 tells station 0 of origins that nobody knows. */
static void unknown_origins_come(struct world *w)
{
	struct node *n = w->stations[0].node;
	struct address from = node_neighbour_address(&w->stations[1].rid);

	n->output.inner = count_asks;
	n->now_us = w->now;
	asks = asked_for = 0;
	for (uint8_t i = 0; i < UNKNOWN; i++) {
		router_id rid = { { 9, 9, 9, 9, 9, 9, 9, i } };
		struct prefix p = { 0 };

		assert_false(trust_accept(n, 0, &from, &p, &rid, 1).accept);
	}
	station_poll(&w->stations[0]);
}

static void what_stays_unknown_is_asked_for_in_one_message_again(void **state)
{
	struct world *w = neighbours(9);

	(void)state;
	unknown_origins_come(w);
	world_run(w, 5 * A_SECOND);
	assert_true(asks >= 5);
	assert_int_equal(asked_for, UNKNOWN * asks);
	world_free(w);
}

/* Where a Hello takes seconds an answer does, too: asking faster fills the link with answers to the same question. */
static void a_slow_link_is_asked_slowly(void **state)
{
	struct world *w = neighbours(10);

	(void)state;
	w->stations[0].node->links[0]->config.hello_ms = 4000;
	unknown_origins_come(w);
	world_run(w, 21 * A_SECOND);
	assert_in_range(asks, 5, 6);
	assert_int_equal(asked_for, UNKNOWN * asks);
	world_free(w);
}

/* A session announces nothing twice: who gave up asking judges all routes anew, and asks whoever has them then. */
static void who_gave_up_judges_all_routes_anew(void **state)
{
	struct world *w = neighbours(11);
	const struct node *n = w->stations[0].node;
	uint64_t before = n->refilter_us;

	(void)state;
	unknown_origins_come(w);
	world_run(w, 32 * A_SECOND);
	assert_int_equal(n->want_count, 0);
	assert_true(n->refilter_us == before);
	world_run(w, 30 * A_SECOND);
	assert_true(n->refilter_us > before);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_proof_is_good_at_the_next_start),
		cmocka_unit_test(right_proof_replaces_the_signature),
		cmocka_unit_test(any_other_proof_falls_back_to_the_signature),
		cmocka_unit_test(proof_holds_for_these_very_bytes),
		cmocka_unit_test(enrolled_again_the_proofs_go_with_the_keys),
		cmocka_unit_test(proof_under_another_authority_is_worth_nothing),
		cmocka_unit_test(proven_certificate_still_expires),
		cmocka_unit_test(what_stays_unknown_is_asked_for_in_one_message_again),
		cmocka_unit_test(a_slow_link_is_asked_slowly),
		cmocka_unit_test(who_gave_up_judges_all_routes_anew),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
