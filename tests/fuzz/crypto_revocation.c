/*
 * Lists of who is out, from anybody. The first byte chooses: bytes as they come, the
 * same signed by the authority once they decode, or text.
 *
 * What must hold: what decodes, encodes to the same bytes; only what the authority
 * signed verifies; nobody is named whose bit is not set.
 */
#include "crypto/armour.h"
#include "tests/fuzz/crypto_authority.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return authority_make();
}

static bool decode_try(struct revocation *r, struct bytes bytes)
{
	uint8_t again[REVOCATION_MAX_LEN];
	int error = revocation_decode(r, bytes);

	if (error) {
		assert(error == -EBADMSG);
		return false;
	}
	int len = revocation_encode(r, again, sizeof(again));
	assert(len == (int)bytes.len && memcmp(again, bytes.data, bytes.len) == 0);
	return true;
}

static void names_try(const struct revocation *r)
{
	unsigned count = 0;

	for (uint32_t serial = 0; serial <= REVOCATION_SERIAL_MAX + 1; serial++)
		count += revocation_names(r, serial);
	assert(count == revocation_count(r));
}

static void signed_try(struct revocation *r)
{
	struct revocation back;
	uint8_t bytes[REVOCATION_MAX_LEN];
	uint16_t epoch = r->epoch;

	if (revocation_issue(r, &authority, r->date) < 0) {
		assert(epoch == UINT16_MAX);
		return;
	}
	int len = revocation_encode(r, bytes, sizeof(bytes));
	assert(len > 0 && decode_try(&back, bytes_of(bytes, (size_t)len)));
	assert(revocation_verify(&back, &authority.public) == 0 && back.epoch == epoch + 1);
}

static void text_try(struct bytes contents)
{
	struct revocation r;
	char text[ENROLMENT_TEXT_MAX];

	if (revocation_parse(&r, contents) == 0)
		names_try(&r);
	if (contents.len > ARMOUR_BLOB_MAX)
		return;
	int len = armour_format(ARMOUR_REVOCATION, "fuzz", contents, text, sizeof(text));
	assert(len > 0);
	if (revocation_parse(&r, bytes_of(text, (size_t)len)) == 0)
		names_try(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct revocation r;

	if (size < 1)
		return 0;
	struct bytes rest = bytes_of(data + 1, size - 1);
	if (data[0] % 2) {
		text_try(rest);
	} else if (decode_try(&r, rest)) {
		assert(revocation_verify(&r, &authority.public) == -EKEYREJECTED);
		names_try(&r);
		signed_try(&r);
	}
	return 0;
}
