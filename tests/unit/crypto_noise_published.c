/*
 * Whole files of published Noise vectors, where they are at hand: every case of
 * the patterns used here. The essential cases are constants in
 * crypto_noise_vectors.h; these files are not part of the repository.
 *
 * Both formats are read as a flow of (key, value) pairs: `key=value` lines, and
 * the strings of a JSON file, of which those before a colon are keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/crypto_noise_run.h"

#include <stdio.h>
#include <stdlib.h>

#define FLYNN "noise-flynn-psk.txt"
#define CACOPHONY "noise-25519-chachapoly-blake2b.json"
#define FILE_MAX (1 << 20)
#define VALUE_MAX 2400 /* hex of the longest message */
#define PATTERNS (NOISE_X + 1)
#define VALUES_MAX (9 + 2 * VECTOR_MESSAGES_MAX) /* of one case */

struct cases {
	bool answers; /* struct vector */
	bool is_ours; /* of a pattern that we have */
	unsigned of[PATTERNS]; /* cases of each pattern */
	struct vector vector;
	char values[VALUES_MAX][VALUE_MAX]; /* what `vector` points to */
	unsigned used;
	unsigned payloads, ciphertexts;
};

static void case_end(struct cases *c)
{
	if (!c->is_ours)
		return;
	assert_int_equal(c->payloads, c->ciphertexts);
	assert_true(c->payloads > handshake_messages(&c->vector));
	vector_holds(&c->vector);
	c->of[c->vector.pattern]++;
	c->is_ours = false;
}

static void case_begin(struct cases *c, const char *protocol)
{
	static const char *const ours[PATTERNS] = {
		[NOISE_XXPSK0] = "XXpsk0", [NOISE_IKPSK2] = "IKpsk2", [NOISE_X] = "X"
	};
	char name[64];

	case_end(c);
	c->vector = (struct vector){ .prologue = "", .psk = "", .responder_ephemeral = "", .answers = c->answers };
	for (unsigned i = 0; i < PATTERNS; i++) {
		snprintf(name, sizeof(name), "Noise_%s_25519_ChaChaPoly_BLAKE2b", ours[i]);
		if (strcmp(protocol, name))
			continue;
		c->is_ours = true;
		c->vector.pattern = (enum noise_pattern)i;
	}
	c->payloads = c->ciphertexts = c->used = 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Where the value of `key` goes; NULL: nowhere. */
static const char **place_of(struct cases *c, const char *key)
{
	static const char *const keys[][2] = { { "prologue", "init_prologue" }, { "preshared_key", "init_psks" },
		{ "init_static", "" }, { "resp_static", "" }, { "gen_init_ephemeral", "init_ephemeral" },
		{ "gen_resp_ephemeral", "resp_ephemeral" }, { "handshake_hash", "" } };
	struct vector *v = &c->vector;
	const char **const places[] = { &v->prologue, &v->psk, &v->initiator_static, &v->responder_static,
		&v->initiator_ephemeral, &v->responder_ephemeral, &v->hash };

	for (size_t i = 0; i < COUNT(keys); i++)
		if (strcmp(key, keys[i][0]) == 0 || strcmp(key, keys[i][1]) == 0)
			return places[i];
	if (ends_with(key, "payload") && c->payloads < VECTOR_MESSAGES_MAX)
		return &v->messages[c->payloads++].payload;
	if (ends_with(key, "ciphertext") && c->ciphertexts < VECTOR_MESSAGES_MAX)
		return &v->messages[c->ciphertexts++].sealed;
	return NULL;
}

static void pair_read(struct cases *c, const char *key, const char *value)
{
	if (strcmp(key, "handshake") == 0 || strcmp(key, "protocol_name") == 0) {
		case_begin(c, value);
		return;
	}
	const char **place = c->is_ours ? place_of(c, key) : NULL;
	if (!place)
		return;
	assert_true(c->used < VALUES_MAX && strlen(value) < VALUE_MAX);
	*place = strcpy(c->values[c->used++], value);
}

static void lines_read(struct cases *c, char *text)
{
	c->answers = true;
	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		char *equals = strchr(line, '=');

		if (!equals)
			continue;
		*equals = '\0';
		pair_read(c, line, equals + 1);
	}
}

/* Hex and names have no escapes; a list's values all belong to the key before it. */
static void strings_read(struct cases *c, char *text)
{
	const char *key = "";

	for (char *start = strchr(text, '"'); start; start = strchr(start, '"')) {
		char *end = strchr(++start, '"');

		assert_non_null(end);
		*end = '\0';
		const char *after = end + 1 + strspn(end + 1, " \t\r\n");
		if (*after == ':')
			key = start;
		else
			pair_read(c, key, start);
		start = end + 1;
	}
}

static FILE *file_open(const char *name)
{
	const char *shared = getenv("MESHD_SHARED");
	char path[512];

	snprintf(path, sizeof(path), "%s/data/%s", shared ? shared : "../shared", name);
	return fopen(path, "r");
}

static void cases_read(struct cases *c, const char *name, void (*read)(struct cases *c, char *text))
{
	static char text[FILE_MAX + 1];
	FILE *file = file_open(name);

	assert_non_null(file);
	size_t len = fread(text, 1, FILE_MAX, file);
	fclose(file);
	assert_in_range(len, 1, FILE_MAX - 1);
	text[len] = '\0';
	memset(c, 0, sizeof(*c));
	read(c, text);
	case_end(c);
}

static void all_of_flynn_hold__xxpsk0_ikpsk2_x(void **state)
{
	static struct cases c;

	(void)state;
	cases_read(&c, FLYNN, lines_read);
	for (unsigned i = 0; i < PATTERNS; i++)
		assert_int_equal(c.of[i], 4);
}

static void all_of_cacophony_hold__ikpsk2_x(void **state)
{
	static struct cases c;

	(void)state;
	cases_read(&c, CACOPHONY, strings_read);
	assert_int_equal(c.of[NOISE_XXPSK0], 0);
	assert_int_equal(c.of[NOISE_IKPSK2], 1);
	assert_int_equal(c.of[NOISE_X], 2);
}

/* cmocka's skip() says "not ok" in TAP, so what is not there is not run. */
static bool is_there(const char *name)
{
	FILE *file = file_open(name);

	if (file)
		fclose(file);
	else
		printf("ok # SKIP %s is not in ../shared/data; set MESHD_SHARED to where it is\n", name);
	return file != NULL;
}

int main(void)
{
	const struct CMUnitTest flynn[] = { cmocka_unit_test(all_of_flynn_hold__xxpsk0_ikpsk2_x) };
	const struct CMUnitTest cacophony[] = { cmocka_unit_test(all_of_cacophony_hold__ikpsk2_x) };
	int failed = 0;

	if (sodium_init() < 0)
		return 1;
	if (is_there(FLYNN))
		failed += cmocka_run_group_tests(flynn, NULL, NULL);
	if (is_there(CACOPHONY))
		failed += cmocka_run_group_tests(cacophony, NULL, NULL);
	return failed;
}
