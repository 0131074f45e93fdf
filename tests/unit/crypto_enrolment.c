/* Enrolment and authority files: round trip, damage, parts that do not belong together. */
#include "tests/unit/crypto_members.h"

#define NAME "\xe5\x8e\xbf\xe6\x8c\x87\xe6\x8c\xa5\xe9\x83\xa8 1"

struct world {
	struct secret_authority authority;
	struct enrolment e;
	char text[ENROLMENT_TEXT_MAX];
	size_t len;
};

static void enrolment_make(struct enrolment *e, struct secret_authority *a, uint64_t seed, const char *name)
{
	memset(e, 0, sizeof(*e));
	identity_make(&e->identity, seed);
	e->certificate = certificate_draft(&e->identity.public, name);
	prefix_add(&e->certificate, "10.1.2.0/24");
	assert_int_equal(certificate_issue(&e->certificate, a), 0);
	e->authority = a->public;
	memcpy(e->psk, a->psk, KEY_LEN);
}

static void world_format(struct world *w)
{
	int len = enrolment_format(&w->e, w->text, sizeof(w->text));

	assert_true(len > 0);
	w->len = (size_t)len;
}

static void world_init(struct world *w)
{
	authority_make(&w->authority, 21);
	enrolment_make(&w->e, &w->authority, 22, NAME);
	world_format(w);
}

static int parse(struct enrolment *e, const char *text, size_t len)
{
	char *copy = test_malloc(len ? len : 1);

	memcpy(copy, text, len);
	int error = enrolment_parse(e, bytes_of(copy, len));
	test_free(copy);
	return error;
}

static void enrolments_equal(const struct enrolment *a, const struct enrolment *b)
{
	uint8_t x[CERTIFICATE_MAX_LEN], y[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(&a->certificate, x, sizeof(x));

	assert_memory_equal(&a->identity, &b->identity, sizeof(a->identity));
	assert_int_equal(a->authority.deployment, b->authority.deployment);
	assert_memory_equal(a->authority.sign_public, b->authority.sign_public, SIGN_PUBLIC_LEN);
	assert_memory_equal(a->psk, b->psk, KEY_LEN);
	assert_true(len > 0);
	assert_int_equal(certificate_encode(&b->certificate, y, sizeof(y)), len);
	assert_memory_equal(x, y, (size_t)len);
}

static void round_trip(void **state)
{
	struct world w;
	struct enrolment e;

	(void)state;
	world_init(&w);
	assert_int_equal(strlen(w.text), w.len);
	assert_int_equal(parse(&e, w.text, w.len), 0);
	enrolments_equal(&e, &w.e);
}

static void first_line_tells_whose_it_is(void **state)
{
	static const char begin[] = "# meshd enrolment for " NAME " (town), serial 1, ";
	struct world w;

	(void)state;
	world_init(&w);
	assert_memory_equal(w.text, begin, sizeof(begin) - 1);
	for (char *at = w.text, *end; *at; at = end + 1) { /* lines that every mail program leaves alone */
		end = strchr(at, '\n');
		assert_non_null(end);
		assert_true(at == w.text || end - at <= 64);
	}
}

static void largest_enrolment_fits(void **state)
{
	struct world w;
	struct enrolment e;
	char small[ENROLMENT_TEXT_MAX];

	(void)state;
	world_init(&w);
	w.e.certificate = certificate_draft(&w.e.identity.public, "01234567890123456789012345678901");
	w.e.certificate.level = LEVEL_DISTRICT;
	for (unsigned i = 0; i < 8; i++)
		prefix_add(&w.e.certificate, i < 4 ? "2001:db8::1/128" : "2001:db8::/120");
	w.authority.next_serial = UINT32_MAX;
	assert_int_equal(certificate_issue(&w.e.certificate, &w.authority), 0);
	world_format(&w);
	assert_true(w.len < ENROLMENT_TEXT_MAX);
	assert_int_equal(parse(&e, w.text, w.len), 0);
	enrolments_equal(&e, &w.e);
	assert_int_equal(enrolment_format(&w.e, small, w.len + 1), (int)w.len);
	for (size_t capacity = 0; capacity <= w.len; capacity++) {
		assert_int_equal(enrolment_format(&w.e, small, capacity), -ENOSPC);
		assert_true(sodium_is_zero((uint8_t *)small, capacity));
	}
}

static void format_refuses_a_certificate_without_encoding(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	w.e.certificate.name_len = 0;
	assert_int_equal(enrolment_format(&w.e, w.text, sizeof(w.text)), -EINVAL);
}

static void every_damaged_byte_of_every_line_is_found(void **state)
{
	struct world w;
	struct enrolment e;

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < w.len; i++) {
		for (unsigned change = 1; change < 256; change++) {
			w.text[i] ^= (char)change;
			bool is_fine = i == w.len - 1 && strchr(" \t\r", w.text[i]) && w.text[i];
			if (parse(&e, w.text, w.len) != (is_fine ? 0 : -EBADMSG))
				fail_msg("byte %zu changed by %02x", i, change);
			assert_int_equal(sodium_is_zero((uint8_t *)&e, sizeof(e)), !is_fine);
			w.text[i] ^= (char)change;
		}
	}
	assert_int_equal(parse(&e, w.text, w.len), 0);
}

static void every_missing_swapped_and_doubled_line_is_found(void **state)
{
	struct world w;
	struct enrolment e;
	char changed[2 * ENROLMENT_TEXT_MAX];

	(void)state;
	world_init(&w);
	for (size_t at = 0, end; at < w.len; at = end) {
		char *line = w.text + at;

		end = (size_t)(strchr(line, '\n') + 1 - w.text);
		size_t len = end - at, rest = w.len - end;
		memcpy(changed, w.text, at); /* missing */
		memcpy(changed + at, w.text + end, rest);
		assert_int_equal(parse(&e, changed, w.len - len), -EBADMSG);
		memcpy(changed, w.text, end); /* doubled */
		memcpy(changed + end, line, len);
		memcpy(changed + end + len, w.text + end, rest);
		assert_int_equal(parse(&e, changed, w.len + len), -EBADMSG);
		if (rest == 0)
			continue;
		size_t next = (size_t)(strchr(w.text + end, '\n') + 1 - w.text) - end; /* swapped with the next */
		memcpy(changed, w.text, w.len);
		memcpy(changed + at, w.text + end, next);
		memcpy(changed + at + next, line, len);
		assert_int_equal(parse(&e, changed, w.len), -EBADMSG);
	}
}

static void every_truncation_is_found(void **state)
{
	struct world w;
	struct enrolment e;

	(void)state;
	world_init(&w);
	for (size_t len = 0; len + 1 < w.len; len++)
		assert_int_equal(parse(&e, w.text, len), -EBADMSG);
	assert_int_equal(parse(&e, w.text, w.len - 1), 0); /* only the last line end is gone */
}

static void white_space_of_other_systems_is_forgiven(void **state)
{
	static const char *const ends[] = { "\r\n", " \n", "\t \r\n", "\n\n", "\r\n \r\n" };
	struct world w;
	struct enrolment e;
	char changed[2 * ENROLMENT_TEXT_MAX];

	(void)state;
	world_init(&w);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		struct writer out = writer_of(changed, sizeof(changed));

		for (size_t at = 0; at < w.len; at++)
			if (w.text[at] == '\n')
				write_copy(&out, ends[i], strlen(ends[i]));
			else
				write_u8(&out, (uint8_t)w.text[at]);
		assert_true(writer_ok(&out));
		assert_int_equal(parse(&e, changed, writer_len(&out)), 0);
		enrolments_equal(&e, &w.e);
	}
}

static void what_is_too_long_is_refused(void **state)
{
	struct world w;
	struct enrolment e;
	char padded[ENROLMENT_TEXT_MAX + 1];

	(void)state;
	world_init(&w);
	memset(padded, '\n', sizeof(padded));
	memcpy(padded, w.text, w.len);
	assert_int_equal(parse(&e, padded, ENROLMENT_TEXT_MAX), 0);
	assert_int_equal(parse(&e, padded, ENROLMENT_TEXT_MAX + 1), -EBADMSG);
	memset(padded, 'A', sizeof(padded)); /* a title without end */
	memcpy(padded, "# ", 2);
	assert_int_equal(parse(&e, padded, ENROLMENT_TEXT_MAX), -EBADMSG);
	memcpy(padded, "# a\n", 4); /* more base64 than any file holds */
	assert_int_equal(parse(&e, padded, ENROLMENT_TEXT_MAX), -EBADMSG);
	memcpy(padded, "# a\0b\n", 6);
	assert_int_equal(parse(&e, padded, 100), -EBADMSG);
	assert_int_equal(parse(&e, "# a\nAQ==\n", 9), -EBADMSG);
}

/* Formats what was put together from two sources, as a careless hand would. */
static int mixed(struct world *w)
{
	struct enrolment e;

	world_format(w);
	int error = parse(&e, w->text, w->len);
	assert_true(sodium_is_zero((uint8_t *)&e, sizeof(e)));
	return error;
}

static void parts_of_two_boxes_do_not_mix(void **state)
{
	struct world w;
	struct enrolment other;
	struct secret_authority foreign;

	(void)state;
	world_init(&w);
	enrolment_make(&other, &w.authority, 23, "other");
	authority_make(&foreign, 24);

	w.e.identity = other.identity;
	assert_int_equal(mixed(&w), -EKEYREJECTED);
	world_init(&w);
	memcpy(w.e.identity.sign_secret, other.identity.sign_secret, SIGN_SECRET_LEN);
	assert_int_equal(mixed(&w), -EKEYREJECTED);
	world_init(&w);
	memcpy(w.e.identity.dh_secret, other.identity.dh_secret, KEY_LEN);
	assert_int_equal(mixed(&w), -EKEYREJECTED);
	world_init(&w);
	w.e.certificate = other.certificate;
	assert_int_equal(mixed(&w), -EKEYREJECTED);
	world_init(&w);
	w.e.authority = foreign.public;
	assert_int_equal(mixed(&w), -EKEYREJECTED);
	world_init(&w);
	w.e.authority.deployment++;
	assert_int_equal(mixed(&w), -EKEYREJECTED);
	world_init(&w);
	w.e.certificate.roles ^= ROLE_GATEWAY;
	assert_int_equal(mixed(&w), -EKEYREJECTED);
}

static void expired_member_still_loads(void **state)
{
	struct world w;
	struct enrolment e;

	(void)state;
	world_init(&w);
	w.e.certificate.not_after = 0;
	assert_int_equal(certificate_issue(&w.e.certificate, &w.authority), 0);
	world_format(&w);
	assert_int_equal(parse(&e, w.text, w.len), 0);
}

static void authority_file_makes_the_round_trip(void **state)
{
	struct secret_authority a, b;
	char text[ENROLMENT_TEXT_MAX];

	(void)state;
	authority_make(&a, 31);
	a.next_serial = 77;
	int len = authority_format(&a, text, sizeof(text));
	assert_true(len > 0);
	assert_int_equal(strlen(text), len);
	assert_memory_equal(text, "# meshd authority ", 18);
	memset(&b, 0x5a, sizeof(b));
	assert_int_equal(authority_parse(&b, bytes_of(text, (size_t)len)), 0);
	assert_memory_equal(&a, &b, sizeof(a));
	for (int i = 0; i < len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] ^= (char)(1u << bit);
			assert_int_equal(authority_parse(&b, bytes_of(text, (size_t)len)), -EBADMSG);
			assert_true(sodium_is_zero((uint8_t *)&b, sizeof(b)));
			text[i] ^= (char)(1u << bit);
		}
	}
	for (int capacity = 0; capacity <= len; capacity++)
		assert_int_equal(authority_format(&a, text, (size_t)capacity), -ENOSPC);
}

static void kinds_of_files_do_not_mix(void **state)
{
	struct world w;
	struct secret_authority a;
	struct enrolment e;
	char text[ENROLMENT_TEXT_MAX];

	(void)state;
	world_init(&w);
	int len = authority_format(&w.authority, text, sizeof(text));
	assert_true(len > 0);
	assert_int_equal(authority_parse(&a, bytes_of(w.text, w.len)), -EBADMSG);
	assert_int_equal(parse(&e, text, (size_t)len), -EBADMSG);
}

/* A file of ours with a good checksum and contents of another length: from a later version, say. */
static void contents_have_their_length(void **state)
{
	static const char *const kinds[] = { "\x01"
					     "A",
		"\x01"
		"E" };

	(void)state;
	for (size_t kind = 0; kind < 2; kind++) {
		for (size_t len = 0; len <= 200; len++) {
			uint8_t hashed[2 + 2 + 200 + 16] = { 't', 0 }, *blob = hashed + 2;
			char text[ENROLMENT_TEXT_MAX] = "# t\n";
			struct secret_authority a;
			struct enrolment e;

			memcpy(blob, kinds[kind], 2);
			crypto_generichash(blob + 2 + len, 16, hashed, 2 + 2 + len, NULL, 0);
			sodium_bin2base64(
				text + 4, sizeof(text) - 4, blob, 2 + len + 16, sodium_base64_VARIANT_ORIGINAL);
			struct bytes bytes = bytes_of(text, strlen(text));
			assert_int_equal(authority_parse(&a, bytes), kind == 0 && len == 72 ? 0 : -EBADMSG);
			assert_int_equal(enrolment_parse(&e, bytes), -EBADMSG);
		}
	}
}

static void secrets_are_wiped(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	assert_false(sodium_is_zero((uint8_t *)&w.e, sizeof(w.e)));
	enrolment_done(&w.e);
	assert_true(sodium_is_zero((uint8_t *)&w.e, sizeof(w.e)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(first_line_tells_whose_it_is),
		cmocka_unit_test(largest_enrolment_fits),
		cmocka_unit_test(format_refuses_a_certificate_without_encoding),
		cmocka_unit_test(every_damaged_byte_of_every_line_is_found),
		cmocka_unit_test(every_missing_swapped_and_doubled_line_is_found),
		cmocka_unit_test(every_truncation_is_found),
		cmocka_unit_test(white_space_of_other_systems_is_forgiven),
		cmocka_unit_test(what_is_too_long_is_refused),
		cmocka_unit_test(parts_of_two_boxes_do_not_mix),
		cmocka_unit_test(expired_member_still_loads),
		cmocka_unit_test(authority_file_makes_the_round_trip),
		cmocka_unit_test(kinds_of_files_do_not_mix),
		cmocka_unit_test(contents_have_their_length),
		cmocka_unit_test(secrets_are_wiped),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
