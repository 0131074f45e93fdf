/* Logs between members, without sockets: bytes, what is believed, and who is asked when. */
#include "tests/unit/log_writer.h"

#include "meshd/chronicle/exchange.h"

#include <errno.h>

#define SECOND 1000000ull
#define MINUTE (60 * SECOND)

/* --- bytes ---------------------------------------------------------------------------------- */

static void a_request_is_read_back_and_nothing_else_is_one(void **state)
{
	uint8_t request[EXCHANGE_REQUEST_LEN];
	uint64_t from;

	(void)state;
	exchange_request_write(request, 77);
	assert_int_equal(exchange_request_read(bytes_of(request, sizeof(request)), &from), 0);
	assert_int_equal(from, 77);
	for (size_t len = 0; len < sizeof(request); len++)
		assert_int_equal(exchange_request_read(bytes_of(request, len), &from), -EBADMSG);
	for (unsigned i = 0; i <= EXCHANGE_HEAD_LEN; i++) { /* the last one: beyond any number */
		request[i] ^= 0x80;
		assert_int_equal(exchange_request_read(bytes_of(request, sizeof(request)), &from), -EBADMSG);
		request[i] ^= 0x80;
	}
}

static void an_answer_that_is_cut_anywhere_gives_what_is_whole(void **state)
{
	uint8_t answer[1024];
	struct writer w = writer_of(answer, sizeof(answer));
	struct log_link link = { .number = 5 }, got;
	struct bytes body;
	uint64_t newest = 0;

	(void)state;
	memset(link.before, 1, sizeof(link.before));
	memset(link.signature, 2, sizeof(link.signature));
	exchange_head_write(&w);
	assert_true(exchange_run_write(&w, &link, bytes_of("body", 4)));
	exchange_end_write(&w, 9);
	for (size_t len = EXCHANGE_HEAD_LEN; len <= writer_len(&w); len++) {
		struct reader r = reader_of(bytes_of(answer, len));
		bool has_run = len >= EXCHANGE_HEAD_LEN + EXCHANGE_RUN_HEAD + 4;

		assert_int_equal(exchange_head_read(&r), 0);
		assert_int_equal(exchange_read(&r, &got, &body, &newest), has_run ? EXCHANGE_RUN : EXCHANGE_CUT);
		if (!has_run)
			continue;
		assert_int_equal(got.number, 5);
		assert_memory_equal(got.before, link.before, LOG_HASH_LEN);
		assert_memory_equal(got.signature, link.signature, SIGNATURE_LEN);
		assert_true(bytes_equal(body, bytes_of("body", 4)));
		assert_int_equal(
			exchange_read(&r, &got, &body, &newest), len == writer_len(&w) ? EXCHANGE_END : EXCHANGE_CUT);
	}
	assert_int_equal(newest, 9);
}

static void no_answer_is_longer_than_its_room_and_no_run_longer_than_any(void **state)
{
	static uint8_t large[EXCHANGE_BODY_MAX + 1];
	uint8_t answer[EXCHANGE_HEAD_LEN + EXCHANGE_RUN_HEAD + 3 + EXCHANGE_END_LEN], head[12];
	struct writer w = writer_of(answer, sizeof(answer)), h = writer_of(head, sizeof(head));
	struct log_link link = { .number = 1 };
	struct bytes body;
	uint64_t newest;

	(void)state;
	exchange_head_write(&w);
	assert_false(exchange_run_write(&w, &link, bytes_of(large, sizeof(large))));
	assert_false(exchange_run_write(&w, &link, bytes_of("body", 4)));
	exchange_end_write(&w, 1);
	assert_true(writer_ok(&w));
	write_u64(&h, 1);
	write_u32(&h, sizeof(large));
	struct reader r = reader_of(writer_bytes(&h));
	assert_int_equal(exchange_read(&r, &link, &body, &newest), EXCHANGE_BAD);
}

/* --- what is believed --------------------------------------------------------------------------- */

#define BODY "{\"process\":\"aa\",\"entries\":[{\"at\":1,\"date\":77,\"code\":\"started\",\"text\":\"\"}]}"

static enum exchange_belief belief_of(
	struct exchange_chain *chain, const struct log_link *link, const char *body, const struct secret_identity *by)
{
	struct exchange_facts facts;

	return exchange_believe(chain, link, bytes_of(body, strlen(body)), by->public.sign, &facts);
}

static struct log_link signed_link(
	const struct secret_identity *by, uint64_t number, const uint8_t before[LOG_HASH_LEN], const char *body)
{
	struct log_link link = { .deployment = authority.public.deployment, .number = number };
	uint8_t after[LOG_HASH_LEN];

	if (before)
		memcpy(link.before, before, LOG_HASH_LEN);
	log_link_sign(&link, bytes_of(body, strlen(body)), by, after);
	return link;
}

static void what_its_node_signed_is_believed_once(void **state)
{
	struct exchange_chain chain = { 0 };
	struct exchange_facts facts;
	struct secret_identity id;

	(void)state;
	identity_make(&id, 1);
	struct log_link first = signed_link(&id, 4, NULL, BODY);
	assert_int_equal(exchange_believe(&chain, &first, bytes_of(BODY, strlen(BODY)), id.public.sign, &facts),
		EXCHANGE_BELIEVED);
	assert_int_equal(facts.entries, 1);
	assert_int_equal(facts.until_ms, 77);
	assert_int_equal(chain.last, 4);
	struct log_link next = signed_link(&id, 5, chain.after, BODY);
	assert_int_equal(belief_of(&chain, &next, BODY, &id), EXCHANGE_BELIEVED);
	assert_int_equal(belief_of(&chain, &first, BODY, &id), EXCHANGE_KNOWN);
	assert_int_equal(belief_of(&chain, &next, BODY, &id), EXCHANGE_KNOWN);
	struct log_link later = signed_link(&id, 9, NULL, BODY); /* it has forgotten those between */
	assert_int_equal(belief_of(&chain, &later, BODY, &id), EXCHANGE_BELIEVED);
	assert_int_equal(chain.last, 9);
}

static void what_another_signed_or_somebody_changed_or_wrote_anew_is_not(void **state)
{
	struct exchange_chain chain = { 0 };
	struct secret_identity id, other;

	(void)state;
	identity_make(&id, 1);
	identity_make(&other, 2);
	struct log_link link = signed_link(&id, 1, NULL, BODY), foreign = signed_link(&other, 1, NULL, BODY);
	assert_int_equal(belief_of(&chain, &foreign, BODY, &id), EXCHANGE_FORGED);
	assert_int_equal(belief_of(&chain, &link, BODY " ", &id), EXCHANGE_FORGED);
	foreign = link;
	foreign.deployment++;
	assert_int_equal(belief_of(&chain, &foreign, BODY, &id), EXCHANGE_FORGED);
	assert_int_equal(chain.last, 0);
	assert_int_equal(belief_of(&chain, &link, BODY, &id), EXCHANGE_BELIEVED);
	struct log_link fork = signed_link(&id, 2, NULL, BODY);
	assert_int_equal(belief_of(&chain, &fork, BODY, &id), EXCHANGE_FORKED);
	assert_int_equal(chain.last, 1);
}

/* A member in wrong hands signs what it likes: it is not to be in the way of every report. */
static void what_is_signed_and_no_log_is_not(void **state)
{
	static const char *const bodies[] = { "", "[]", "{", "{\"process\":\"aa\"}",
		"{\"process\":\"aa\",\"entries\":[]}", "{\"process\":\"aa\",\"entries\":[7]}",
		"{\"process\":\"a name that is too "
		"long\",\"entries\":[{\"at\":1,\"date\":1,\"code\":\"a\",\"text\":\"\"}]}",
		"{\"process\":\"aa\",\"entries\":[{\"at\":-1,\"date\":1,\"code\":\"a\",\"text\":\"\"}]}",
		"{\"process\":\"aa\",\"entries\":[{\"at\":1,\"date\":9223372036854775807,\"code\":\"a\",\"text\":\"\"}]"
		"}",
		"{\"process\":\"aa\",\"entries\":[{\"at\":1,\"date\":1,\"text\":\"\"}]}",
		"{\"process\":\"aa\",\"entries\":[{\"at\":1,\"date\":1,\"code\":\"a\",\"text\":\"\",\"data\":[]}]}" };
	struct exchange_chain chain = { 0 };
	struct secret_identity id;

	(void)state;
	identity_make(&id, 1);
	for (unsigned i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct log_link link = signed_link(&id, 1, NULL, bodies[i]);

		assert_int_equal(belief_of(&chain, &link, bodies[i], &id), EXCHANGE_NONSENSE);
		assert_int_equal(chain.last, 0);
	}
}

/* --- whom to ask, and when --------------------------------------------------------------------------- */

struct asking {
	struct prng prng;
	struct random random;
	struct gather gather;
};
static struct asking a;

static void asking_begin(uint64_t seed)
{
	prng_seed(&a.prng, seed);
	a.random = prng_random(&a.prng);
	gather_init(&a.gather, &a.random);
}

static const uint8_t *key_of(unsigned number)
{
	static uint8_t key[SIGN_PUBLIC_LEN];

	memset(key, 0, sizeof(key));
	key[0] = (uint8_t)number;
	key[1] = (uint8_t)(number >> 8);
	return key;
}

/* Seconds go by in which members 1 to `count` can be reached, and end as they do: how many questions there were. */
static unsigned questions(uint64_t *now_us, uint64_t span_us, unsigned count, enum gather_end end)
{
	unsigned asked = 0;

	for (uint64_t until_us = *now_us + span_us; *now_us < until_us; *now_us += SECOND) {
		for (unsigned i = 1; i <= count; i++)
			gather_see(&a.gather, *now_us, key_of(i));
		if (!gather_next(&a.gather, *now_us))
			continue;
		assert_null(gather_next(&a.gather, *now_us)); /* one at a time */
		gather_end(&a.gather, *now_us, end);
		asked++;
	}
	return asked;
}

static void who_comes_is_asked_soon_and_then_seldom(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint64_t now_us = MINUTE;

		asking_begin(seed);
		assert_int_equal(questions(&now_us, GATHER_MEET_US + SECOND, 1, GATHER_ALL), 1);
		unsigned hours = questions(&now_us, 10 * 60 * MINUTE, 1, GATHER_ALL);
		assert_in_range(hours, 48, 80);
	}
}

/* It has to write down first that it is there. */
static void who_comes_is_not_asked_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 50; seed++) {
		uint64_t now_us = MINUTE;

		asking_begin(seed);
		assert_int_equal(questions(&now_us, GATHER_SETTLE_US, 1, GATHER_ALL), 0);
	}
}

static void who_has_more_is_asked_for_it(void **state)
{
	uint64_t now_us = MINUTE;

	(void)state;
	asking_begin(1);
	assert_in_range(questions(&now_us, MINUTE, 1, GATHER_MORE), 5, 12);
}

static void who_does_not_answer_is_asked_less_and_less(void **state)
{
	uint64_t now_us = MINUTE;

	(void)state;
	asking_begin(1);
	assert_in_range(questions(&now_us, 24 * 60 * MINUTE, 1, GATHER_NOTHING), 10, 20);
}

static void who_was_away_is_asked_soon_and_who_comes_and_goes_not_more_often(void **state)
{
	uint64_t now_us = MINUTE;
	unsigned asked = 0;

	(void)state;
	asking_begin(1);
	questions(&now_us, 2 * MINUTE, 1, GATHER_ALL);
	now_us += GATHER_GONE_US + SECOND;
	assert_int_equal(questions(&now_us, GATHER_MEET_US + SECOND, 1, GATHER_ALL), 1);
	for (unsigned i = 0; i < 60; i++) {
		asked += questions(&now_us, 5 * SECOND, 1, GATHER_NOTHING);
		now_us += GATHER_GONE_US + SECOND;
	}
	assert_true(asked < 36); /* a minute each: it was 36 minutes */
}

static void nobody_is_asked_who_cannot_be_reached(void **state)
{
	(void)state;
	asking_begin(1);
	gather_see(&a.gather, MINUTE, key_of(1));
	assert_null(gather_next(&a.gather, 3 * MINUTE));
}

static void a_crowd_has_its_turns_and_is_bounded(void **state)
{
	uint64_t now_us = MINUTE;

	(void)state;
	asking_begin(1);
	assert_in_range(questions(&now_us, 10 * MINUTE, 200, GATHER_ALL), 200, 300); /* each, and a pause */
	for (unsigned i = 0; i < a.gather.peer_count; i++)
		assert_true(a.gather.peers[i].asked_us > 0);
	for (unsigned i = 1; i <= GATHER_PEERS_MAX + 50; i++)
		gather_see(&a.gather, now_us, key_of(i));
	assert_int_equal(a.gather.peer_count, GATHER_PEERS_MAX);
	gather_see(&a.gather, now_us + GATHER_GONE_US + SECOND, key_of(60000));
	assert_int_equal(a.gather.peer_count, GATHER_PEERS_MAX);
}

/* What all of a large deployment ask of each other is bounded by what each asks, and not by how many there are. */
static void of_many_each_is_asked_less_often_and_in_the_end_all_are(void **state)
{
	uint64_t now_us = MINUTE;

	(void)state;
	asking_begin(1);
	questions(&now_us, 60 * MINUTE, 200, GATHER_ALL);
	uint64_t since_us = now_us;
	assert_in_range(questions(&now_us, 5 * 60 * MINUTE, 200, GATHER_ALL), 1350, 1650); /* one in 12 s */
	for (unsigned i = 0; i < a.gather.peer_count; i++)
		assert_true(a.gather.peers[i].asked_us > since_us);
	/* Nor are those who do not answer asked more often. */
	assert_in_range(questions(&now_us, 5 * 60 * MINUTE, 200, GATHER_NOTHING), 300, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_back_and_nothing_else_is_one),
		cmocka_unit_test(an_answer_that_is_cut_anywhere_gives_what_is_whole),
		cmocka_unit_test(no_answer_is_longer_than_its_room_and_no_run_longer_than_any),
		cmocka_unit_test(what_its_node_signed_is_believed_once),
		cmocka_unit_test(what_another_signed_or_somebody_changed_or_wrote_anew_is_not),
		cmocka_unit_test(what_is_signed_and_no_log_is_not),
		cmocka_unit_test(who_comes_is_asked_soon_and_then_seldom),
		cmocka_unit_test(who_comes_is_not_asked_at_once),
		cmocka_unit_test(who_has_more_is_asked_for_it),
		cmocka_unit_test(who_does_not_answer_is_asked_less_and_less),
		cmocka_unit_test(who_was_away_is_asked_soon_and_who_comes_and_goes_not_more_often),
		cmocka_unit_test(nobody_is_asked_who_cannot_be_reached),
		cmocka_unit_test(a_crowd_has_its_turns_and_is_bounded),
		cmocka_unit_test(of_many_each_is_asked_less_often_and_in_the_end_all_are),
	};

	if (sodium_init() < 0)
		return 1;
	authority_make(&authority, 7);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
