/*
 * Requests and answers, as anybody may hand them in: files, words, scanned lines, and any
 * contents under right check words or a right checksum, which no mutation would ever find.
 *
 * The first byte chooses. What must hold: what is taken formats and parses again to the same,
 * and no answer is opened that the authority did not make.
 */
#include "crypto/armour.h"
#include "tests/fuzz/crypto_authority.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct secret_request own;
static struct grant grant;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct certificate c = { .name_len = 1, .name = "n" };

	(void)argc;
	(void)argv;
	if (authority_make() != 0 || request_make(&own, "n", LEVEL_TOWN, &authority_random) < 0)
		return 1;
	c.key = own.request.key;
	return certificate_issue(&c, &authority) != 0 || grant_make(&grant, &c, own.request.ticket, &authority) != 0;
}

static void request_try(struct bytes text)
{
	char again[SPOKEN_TEXT_MAX];
	struct request r, back;
	struct spoken_fault f;
	bool is_words;

	if (request_parse(&r, text, &is_words, &f) < 0)
		return;
	int len = request_format_words(&r, again, sizeof(again));
	assert(len > 0 && request_parse(&back, bytes_of(again, (size_t)len), &is_words, &f) == 0);
	assert(is_words && memcmp(&r, &back, sizeof(r)) == 0);
	len = request_format_line(&r, again, sizeof(again));
	assert(len > 0 && request_parse(&back, bytes_of(again, (size_t)len), &is_words, &f) == 0);
	assert(memcmp(&r, &back, sizeof(r)) == 0);
}

/* Whatever it says, it is one of ours or it is not opened. */
static void grant_open_try(const struct grant *g)
{
	const struct time_floor any_time = { 0 };
	struct enrolment e;

	if (grant_open(&e, g, &own, &any_time) == 0)
		assert(memcmp(g->certificate.signature, grant.certificate.signature, SIGNATURE_LEN) == 0 &&
			memcmp(e.psk, authority.psk, KEY_LEN) == 0);
	enrolment_done(&e);
}

static void grant_try(struct bytes text)
{
	uint8_t encoded[GRANT_MAX_LEN], again[GRANT_MAX_LEN];
	char words[SPOKEN_TEXT_MAX];
	struct grant g, back;
	struct spoken_fault f;
	bool is_words;

	if (grant_parse(&g, text, &own.request.key, &is_words, &f) < 0)
		return;
	int len = grant_encode(&g, encoded, sizeof(encoded));
	int said = grant_format_words(&g, words, sizeof(words));
	assert(len > 0 && said > 0);
	assert(grant_parse(&back, bytes_of(words, (size_t)said), &g.certificate.key, &is_words, &f) == 0);
	assert(grant_encode(&back, again, sizeof(again)) == len && memcmp(again, encoded, (size_t)len) == 0);
	grant_open_try(&g);
}

static void bytes_try(struct bytes encoded)
{
	struct grant g;

	if (grant_decode(&g, encoded) == 0)
		grant_open_try(&g);
}

static void spoken_try(uint8_t kind, struct bytes contents)
{
	char words[SPOKEN_TEXT_MAX];
	int len = spoken_format(kind, contents, words, sizeof(words));

	assert(len > 0);
	request_try(bytes_of(words, (size_t)len));
	grant_try(bytes_of(words, (size_t)len));
}

/* The contents under a right checksum. */
static void file_try(enum armour_kind kind, struct bytes contents)
{
	char text[ENROLMENT_TEXT_MAX];
	struct secret_request r;
	int len = armour_format(kind, "fuzz", contents, text, sizeof(text));

	assert(len > 0);
	request_try(bytes_of(text, (size_t)len));
	grant_try(bytes_of(text, (size_t)len));
	if (request_parse_secret(&r, bytes_of(text, (size_t)len)) < 0)
		assert(sodium_is_zero((uint8_t *)&r, sizeof(r)));
	request_done(&r);
}

/* Ours, with some bytes changed. */
static void ours_try(struct bytes changes)
{
	uint8_t encoded[GRANT_MAX_LEN];
	int len = grant_encode(&grant, encoded, sizeof(encoded));

	for (struct reader r = reader_of(changes); reader_left(&r) >= 3;) {
		uint16_t at = read_u16(&r);

		encoded[at % (unsigned)len] ^= read_u8(&r);
	}
	bytes_try(bytes_of(encoded, (size_t)len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct bytes rest = bytes_of(data + 1, size - 1);
	struct bytes contents = bytes_of(rest.data, rest.len < SPOKEN_MAX ? rest.len : SPOKEN_MAX);

	switch (data[0] & 7) {
	case 0:
		request_try(rest);
		grant_try(rest);
		break;
	case 1:
		spoken_try('Q', contents);
		break;
	case 2:
		spoken_try('G', contents);
		break;
	case 3:
		file_try(ARMOUR_REQUEST, contents);
		break;
	case 4:
		file_try(ARMOUR_GRANT, contents);
		break;
	case 5:
		file_try(ARMOUR_REQUEST_SECRET, contents);
		break;
	case 6:
		bytes_try(rest);
		break;
	default:
		ours_try(rest);
	}
	return 0;
}
