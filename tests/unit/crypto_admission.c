/* Words, requests and answers: what comes back, and what each damage is called. */
#include "tests/unit/crypto_members.h"

#include <ctype.h>
#include <stdio.h>

#define ROUNDS 300

struct world {
	struct secret_authority a;
	struct secret_request own;
	struct certificate c;
	struct grant g;
};

static struct random seeded(struct prng *prng, uint64_t seed)
{
	prng_seed(prng, seed);
	return prng_random(prng);
}

static void world_make(struct world *w)
{
	struct prng prng;
	struct random random = seeded(&prng, 77);

	authority_make(&w->a, 5);
	assert_int_equal(request_make(&w->own, "town-7", LEVEL_TOWN, &random), 0);
	w->c = certificate_draft(&w->own.request.key, "town-7");
	assert_int_equal(certificate_issue(&w->c, &w->a), 0);
	assert_int_equal(grant_make(&w->g, &w->c, w->own.request.ticket, &w->a), 0);
}

static int opened(const struct grant *g, const struct secret_request *own, uint32_t t_lo)
{
	const struct time_floor t = { t_lo };
	struct enrolment e;
	int error = grant_open(&e, g, own, &t);

	enrolment_done(&e);
	return error;
}

/* --- words -------------------------------------------------------------------------------- */

static size_t words_of(char *text, char *words[400])
{
	char *rest = NULL;
	size_t count = 0;

	for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	return count;
}

static void bytes_come_back_from_words_of_any_length(void **state)
{
	uint8_t bytes[SPOKEN_MAX], back[SPOKEN_MAX];
	char text[SPOKEN_TEXT_MAX];
	struct spoken_fault f;
	struct prng prng;
	struct random random = seeded(&prng, 1);

	(void)state;
	for (size_t len = 0; len <= SPOKEN_MAX; len++) {
		random_fill(&random, bytes, sizeof(bytes));
		int written = spoken_format('Q', bytes_of(bytes, len), text, sizeof(text));
		assert_true(written > 0);
		assert_int_equal(spoken_parse('Q', bytes_of(text, (size_t)written), back, sizeof(back), &f), len);
		assert_memory_equal(back, bytes, len);
	}
	assert_int_equal(spoken_format('Q', bytes_of(bytes, 40), text, 30), -ENOSPC);
}

static void words_may_be_typed_in_any_manner(void **state)
{
	char text[SPOKEN_TEXT_MAX], back[16];
	struct spoken_fault f;

	(void)state;
	spoken_format('Q', bytes_of("hello, mesh", 11), text, sizeof(text));
	for (char *c = text; *c; c++) {
		*c = (char)toupper(*c);
		*c = *c == ' ' ? ',' : *c == '\n' ? ' ' : *c;
	}
	assert_int_equal(spoken_parse('Q', bytes_of(text, strlen(text)), (uint8_t *)back, sizeof(back), &f), 11);
	assert_memory_equal(back, "hello, mesh", 11);
}

/* Any one word, by any other: it is named, and so is the right one. */
static void a_wrong_word_is_named_and_so_is_the_right_one(void **state)
{
	uint8_t bytes[100], back[SPOKEN_MAX];
	struct prng prng;
	struct random random = seeded(&prng, 2);

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[SPOKEN_TEXT_MAX], other[SPOKEN_TEXT_MAX], *words[400], *others[400],
			typed[SPOKEN_TEXT_MAX] = "";
		struct spoken_fault f;

		random_fill(&random, bytes, sizeof(bytes));
		spoken_format('Q', bytes_of(bytes, sizeof(bytes)), text, sizeof(text));
		random_fill(&random, bytes, sizeof(bytes));
		spoken_format('Q', bytes_of(bytes, sizeof(bytes)), other, sizeof(other));
		size_t count = words_of(text, words), at = (size_t)random_below(&random, count);
		assert_int_equal(words_of(other, others), count);
		if (strcmp(words[at], others[at]) == 0)
			continue;
		for (size_t i = 0; i < count; i++) {
			strcat(typed, i == at ? others[i] : words[i]);
			strcat(typed, " ");
		}
		assert_int_equal(spoken_parse('Q', bytes_of(typed, strlen(typed)), back, sizeof(back), &f), -EBADMSG);
		assert_int_equal(f.kind, SPOKEN_WORD_WRONG);
		assert_int_equal(f.line, at / SPOKEN_LINE_WORDS + 1);
		assert_int_equal(f.word, at % SPOKEN_LINE_WORDS + 1);
		assert_string_equal(f.heard, others[at]);
		assert_string_equal(f.meant, words[at]);
	}
}

static int fault_of(const char *typed, struct spoken_fault *f)
{
	uint8_t back[SPOKEN_MAX];

	return spoken_parse('Q', bytes_of(typed, strlen(typed)), back, sizeof(back), f);
}

static void what_is_no_word_is_named(void **state)
{
	struct spoken_fault f;

	(void)state;
	assert_int_equal(fault_of("baobao chumai, baozhu sasa", &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_WORD_UNKNOWN);
	assert_int_equal(f.word, 3);
	assert_string_equal(f.heard, "baozhu");
	assert_int_equal(fault_of("ba", &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_WORD_UNKNOWN);
	assert_int_equal(fault_of("bababa", &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_WORD_UNKNOWN);
	assert_int_equal(fault_of("a-word-that-nobody-said-with-\xff-and-no-end-to-it-whatsoever", &f), -EBADMSG);
	assert_int_equal(fault_of("\xff\xff", &f), -EBADMSG);
	assert_string_equal(f.heard, "??");
}

static void lines_that_changed_places_or_are_missing_are_told(void **state)
{
	char text[SPOKEN_TEXT_MAX], typed[SPOKEN_TEXT_MAX];
	uint8_t bytes[60] = { 1, 2, 3 };
	struct spoken_fault f;

	(void)state;
	spoken_format('Q', bytes_of(bytes, sizeof(bytes)), text, sizeof(text));
	char *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
	int first_len = (int)(second - text), second_len = (int)(third - second);
	snprintf(typed, sizeof(typed), "%.*s%.*s%s", second_len, second, first_len, text, third);
	assert_int_equal(fault_of(typed, &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_LINE_MISPLACED);
	assert_int_equal(f.line, 1);
	assert_int_equal(f.other_line, 2);
	snprintf(typed, sizeof(typed), "%.*s", first_len, text);
	assert_int_equal(fault_of(typed, &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_SHORT);
	assert_int_equal(fault_of("", &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_SHORT);
	/* One by one, as they are typed. */
	assert_int_equal(spoken_line_check(bytes_of(second, (size_t)second_len), 2, &f), SPOKEN_LINE_WORDS);
	assert_int_equal(spoken_line_check(bytes_of(second, (size_t)second_len), 1, &f), -EBADMSG);
	assert_int_equal(spoken_line_check(bytes_of(" \n", 2), 1, &f), 0);
	assert_int_equal(spoken_line_check(bytes_of(text, strlen(text)), 1, &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_LONG);
}

static void words_of_another_kind_are_told(void **state)
{
	char text[SPOKEN_TEXT_MAX];
	struct spoken_fault f;

	(void)state;
	spoken_format('G', bytes_of("x", 1), text, sizeof(text));
	assert_int_equal(fault_of(text, &f), -EBADMSG);
	assert_int_equal(f.kind, SPOKEN_KIND_WRONG);
}

/* --- requests ------------------------------------------------------------------------------ */

static void request_is_the_same_as_file_words_and_line(void **state)
{
	int (*const forms[])(
		const struct request *, char *, size_t) = { request_format, request_format_words, request_format_line };
	struct world w;

	(void)state;
	world_make(&w);
	for (unsigned i = 0; i < 3; i++) {
		char text[SPOKEN_TEXT_MAX];
		struct spoken_fault f;
		struct request back;
		bool is_words;
		int len = forms[i](&w.own.request, text, sizeof(text));

		assert_true(len > 0 && (size_t)len == strlen(text));
		assert_int_equal(request_parse(&back, bytes_of(text, (size_t)len), &is_words, &f), 0);
		assert_int_equal(is_words, i == 1);
		assert_memory_equal(&back, &w.own.request, sizeof(back));
		/* No byte of it may be another one. */
		for (int at = 0; at < len; at++) {
			char damaged[SPOKEN_TEXT_MAX];

			memcpy(damaged, text, (size_t)len + 1);
			damaged[at] = damaged[at] == 'a' ? 'u' : 'a';
			if (request_parse(&back, bytes_of(damaged, (size_t)len), &is_words, &f) == 0)
				assert_memory_equal(&back, &w.own.request, sizeof(back));
		}
	}
}

static void request_of_its_own_machine_is_kept(void **state)
{
	char text[ENROLMENT_TEXT_MAX];
	struct secret_request back;
	struct secret_authority a;
	struct enrolment e;
	struct world w;

	(void)state;
	world_make(&w);
	int len = request_format_secret(&w.own, text, sizeof(text));
	assert_true(len > 0);
	assert_non_null(strstr(text, "town-7"));
	assert_int_equal(request_parse_secret(&back, bytes_of(text, (size_t)len)), 0);
	assert_memory_equal(&back, &w.own, sizeof(back));
	assert_int_equal(enrolment_parse(&e, bytes_of(text, (size_t)len)), -EBADMSG);
	assert_int_equal(authority_parse(&a, bytes_of(text, (size_t)len)), -EBADMSG);
	text[len / 2] ^= 1;
	assert_int_equal(request_parse_secret(&back, bytes_of(text, (size_t)len)), -EBADMSG);
}

static void request_has_a_name_that_a_certificate_can_have(void **state)
{
	struct secret_request r;
	struct prng prng;
	struct random random = seeded(&prng, 3);

	(void)state;
	assert_int_equal(request_make(&r, "", LEVEL_TOWN, &random), -EINVAL);
	assert_int_equal(request_make(&r, "a\tb", LEVEL_TOWN, &random), -EINVAL);
	assert_int_equal(request_make(&r, "a name that is much too long for this", LEVEL_TOWN, &random), -EINVAL);
	assert_int_equal(request_make(&r, "\xe9\x95\x87-7", LEVEL_TOWN, &random), 0);
}

/* --- answers -------------------------------------------------------------------------------- */

static void answer_makes_a_member(void **state)
{
	const struct time_floor t = { 0 };
	char text[ENROLMENT_TEXT_MAX];
	struct enrolment e, back;
	struct world w;

	(void)state;
	world_make(&w);
	assert_int_equal(grant_open(&e, &w.g, &w.own, &t), 0);
	assert_memory_equal(e.psk, w.a.psk, KEY_LEN);
	int len = enrolment_format(&e, text, sizeof(text));
	assert_true(len > 0);
	assert_int_equal(enrolment_parse(&back, bytes_of(text, (size_t)len)), 0);
	assert_string_equal(back.certificate.name, "town-7");
	assert_memory_equal(&back.authority, &w.a.public, sizeof(back.authority));
}

static void answer_is_the_same_as_file_and_words(void **state)
{
	int (*const forms[])(const struct grant *, char *, size_t) = { grant_format, grant_format_words };
	uint8_t encoded[GRANT_MAX_LEN], again[GRANT_MAX_LEN];
	struct world w;

	(void)state;
	world_make(&w);
	int encoded_len = grant_encode(&w.g, encoded, sizeof(encoded));
	for (unsigned i = 0; i < 2; i++) {
		char text[SPOKEN_TEXT_MAX];
		struct spoken_fault f;
		struct grant back;
		bool is_words;
		int len = forms[i](&w.g, text, sizeof(text));

		assert_true(len > 0);
		assert_int_equal(grant_parse(&back, bytes_of(text, (size_t)len), &w.own.request.key, &is_words, &f), 0);
		assert_int_equal(is_words, i == 1);
		assert_int_equal(grant_encode(&back, again, sizeof(again)), encoded_len);
		assert_memory_equal(again, encoded, (size_t)encoded_len);
	}
}

static void answer_to_others_is_told_from_one_that_is_forged(void **state)
{
	struct secret_request other;
	struct world w;
	struct prng prng;
	struct random random = seeded(&prng, 4);

	(void)state;
	world_make(&w);
	assert_int_equal(request_make(&other, "town-7", LEVEL_TOWN, &random), 0);
	assert_int_equal(opened(&w.g, &other, 0), -ENXIO);
	assert_int_equal(opened(&w.g, &w.own, 0), 0);
	assert_int_equal(opened(&w.g, &w.own, 30000001), -EKEYEXPIRED);

	struct grant forged = w.g;
	forged.certificate.serial++;
	assert_int_equal(opened(&forged, &w.own, 0), -EKEYREJECTED);
	forged = w.g;
	forged.sealed[3] ^= 1; /* another deployment key */
	assert_int_equal(opened(&forged, &w.own, 0), -EKEYREJECTED);
	forged = w.g;
	forged.authority.sign_public[0] ^= 1;
	assert_int_equal(opened(&forged, &w.own, 0), -EKEYREJECTED);
}

/* An authority that knows the keys from somewhere, but was not asked. */
static void answer_of_who_has_not_seen_the_request_is_refused(void **state)
{
	struct secret_authority stranger;
	struct world w;
	uint8_t guess[TICKET_LEN];

	(void)state;
	world_make(&w);
	authority_make(&stranger, 6);
	memcpy(guess, w.own.request.ticket, TICKET_LEN);
	guess[1] ^= 4;
	assert_int_equal(certificate_issue(&w.c, &stranger), 0);
	assert_int_equal(grant_make(&w.g, &w.c, guess, &stranger), 0);
	assert_int_equal(opened(&w.g, &w.own, 0), -EPERM);
	assert_int_equal(grant_make(&w.g, &w.c, w.own.request.ticket, &stranger), 0);
	assert_int_equal(opened(&w.g, &w.own, 0), 0);
}

static void keys_that_nothing_can_be_sealed_for_are_refused(void **state)
{
	struct world w;

	(void)state;
	world_make(&w);
	memset(w.c.key.dh, 0, KEY_LEN);
	assert_int_equal(grant_make(&w.g, &w.c, w.own.request.ticket, &w.a), -EINVAL);
}

static void answer_that_is_cut_is_malformed(void **state)
{
	uint8_t encoded[GRANT_MAX_LEN + 1];
	struct grant back;
	struct world w;

	(void)state;
	world_make(&w);
	int len = grant_encode(&w.g, encoded, sizeof(encoded));
	for (int i = 0; i < len; i++)
		assert_int_equal(grant_decode(&back, bytes_of(encoded, (size_t)i)), -EBADMSG);
	encoded[len] = 0;
	assert_int_equal(grant_decode(&back, bytes_of(encoded, (size_t)len + 1)), -EBADMSG);
	assert_int_equal(grant_decode(&back, bytes_of(encoded, (size_t)len)), 0);
	assert_int_equal(grant_encode(&w.g, encoded, (size_t)len - 1), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_back_from_words_of_any_length),
		cmocka_unit_test(words_may_be_typed_in_any_manner),
		cmocka_unit_test(a_wrong_word_is_named_and_so_is_the_right_one),
		cmocka_unit_test(what_is_no_word_is_named),
		cmocka_unit_test(lines_that_changed_places_or_are_missing_are_told),
		cmocka_unit_test(words_of_another_kind_are_told),
		cmocka_unit_test(request_is_the_same_as_file_words_and_line),
		cmocka_unit_test(request_of_its_own_machine_is_kept),
		cmocka_unit_test(request_has_a_name_that_a_certificate_can_have),
		cmocka_unit_test(answer_makes_a_member),
		cmocka_unit_test(answer_is_the_same_as_file_and_words),
		cmocka_unit_test(answer_to_others_is_told_from_one_that_is_forged),
		cmocka_unit_test(answer_of_who_has_not_seen_the_request_is_refused),
		cmocka_unit_test(keys_that_nothing_can_be_sealed_for_are_refused),
		cmocka_unit_test(answer_that_is_cut_is_malformed),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
