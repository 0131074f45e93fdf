/*
 * Enrolment and authority files: any text, and any contents under a right
 * checksum, which no mutation of the text would ever find.
 *
 * The first byte chooses. What must hold: a refused file leaves zeros, an
 * accepted one formats and parses again to the same.
 */
#include "crypto/armour.h"
#include "tests/fuzz/crypto_authority.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct enrolment member;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (authority_make() != 0)
		return 1;
	identity_generate(&member.identity, &authority_random);
	member.authority = authority.public;
	memcpy(member.psk, authority.psk, KEY_LEN);
	member.certificate = (struct certificate){ .key = member.identity.public, .name_len = 1, .name = "n" };
	return certificate_issue(&member.certificate, &authority) != 0;
}

static void enrolment_try(struct bytes text)
{
	struct enrolment e, back;
	char again[ENROLMENT_TEXT_MAX];

	memset(&e, 0x5a, sizeof(e));
	int error = enrolment_parse(&e, text);
	if (error) {
		assert(error == -EBADMSG || error == -EKEYREJECTED);
		assert(sodium_is_zero((uint8_t *)&e, sizeof(e)));
		return;
	}
	int len = enrolment_format(&e, again, sizeof(again));
	assert(len > 0 && enrolment_parse(&back, bytes_of(again, (size_t)len)) == 0);
	assert(memcmp(&e.identity, &back.identity, sizeof(e.identity)) == 0);
	assert(memcmp(e.psk, back.psk, KEY_LEN) == 0);
	assert(memcmp(e.certificate.signature, back.certificate.signature, SIGNATURE_LEN) == 0);
}

static void authority_try(struct bytes text)
{
	struct secret_authority a, back;
	char again[ENROLMENT_TEXT_MAX];

	memset(&a, 0x5a, sizeof(a));
	int error = authority_parse(&a, text);
	if (error) {
		assert(error == -EBADMSG || error == -ENOKEY);
		assert(sodium_is_zero((uint8_t *)&a, sizeof(a)));
		return;
	}
	int len = authority_format(&a, again, sizeof(again));
	assert(len > 0 && authority_parse(&back, bytes_of(again, (size_t)len)) == 0);
	assert(memcmp(&a, &back, sizeof(a)) == 0);
}

/* The contents under a right checksum. */
static void contents_try(enum armour_kind kind, struct bytes contents)
{
	char text[ENROLMENT_TEXT_MAX];
	int len = armour_format(kind, "fuzz", contents, text, sizeof(text));

	assert(len > 0);
	enrolment_try(bytes_of(text, (size_t)len));
	authority_try(bytes_of(text, (size_t)len));
}

/* A file of ours with some bytes of its contents changed. */
static void member_damage(struct bytes changes)
{
	struct armour a;
	char text[ENROLMENT_TEXT_MAX];
	int len = enrolment_format(&member, text, sizeof(text));

	assert(len > 0 && armour_parse(&a, ARMOUR_ENROLMENT, bytes_of(text, (size_t)len)) == 0);
	for (struct reader r = reader_of(changes); reader_left(&r) >= 3;) {
		uint16_t at = read_u16(&r);

		a.contents[at % a.len] ^= read_u8(&r);
	}
	contents_try(ARMOUR_ENROLMENT, bytes_of(a.contents, a.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct bytes rest = bytes_of(data + 1, size - 1);
	struct bytes contents = bytes_of(rest.data, rest.len < ARMOUR_BLOB_MAX ? rest.len : ARMOUR_BLOB_MAX);

	switch (data[0] & 3) {
	case 0:
		enrolment_try(rest);
		authority_try(rest);
		break;
	case 1:
		contents_try(ARMOUR_ENROLMENT, contents);
		break;
	case 2:
		contents_try(ARMOUR_AUTHORITY, contents);
		break;
	default:
		member_damage(rest);
	}
	return 0;
}
