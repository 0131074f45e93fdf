/*
 * Secrets as text that survives e-mail, notepads and serial consoles, and that
 * tells of its own damage.
 *
 *   # title
 *   base64 lines of: version 1 | kind 1 | contents | BLAKE2b-128 over title and all before
 *
 * The title is what the person who carries the file goes by. It is under the
 * checksum as well: a file that says one node and holds another does not load.
 */
#include "crypto/armour.h"
#include "crypto/crypto.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#define ARMOUR_VERSION 1
#define CHECKSUM_LEN 16
#define HEAD_LEN 2
#define SEALED_MAX (HEAD_LEN + ARMOUR_BLOB_MAX + CHECKSUM_LEN)
#define BASE64_MAX ((SEALED_MAX + 2) / 3 * 4)
#define COLUMNS 64

static void checksum_compute(uint8_t checksum[CHECKSUM_LEN], const char *title, struct bytes message)
{
	uint8_t all[ARMOUR_TITLE_MAX + SEALED_MAX];
	struct writer w = writer_of(all, sizeof(all));

	write_copy(&w, title, strlen(title) + 1);
	write_bytes(&w, message);
	assert(writer_ok(&w));
	hash_bytes(checksum, CHECKSUM_LEN, writer_bytes(&w), (struct bytes){ 0 });
	secret_wipe(all, sizeof(all));
}

/* The blob with its head and checksum. */
static struct bytes blob_seal(
	uint8_t sealed[SEALED_MAX], enum armour_kind kind, const char *title, struct bytes contents)
{
	struct writer w = writer_of(sealed, SEALED_MAX);
	uint8_t checksum[CHECKSUM_LEN];

	write_u8(&w, ARMOUR_VERSION);
	write_u8(&w, (uint8_t)kind);
	write_bytes(&w, contents);
	checksum_compute(checksum, title, writer_bytes(&w));
	write_copy(&w, checksum, sizeof(checksum));
	assert(writer_ok(&w));
	return writer_bytes(&w);
}

int armour_format(enum armour_kind kind, const char *title, struct bytes contents, char *text, size_t capacity)
{
	uint8_t sealed[SEALED_MAX];
	char base64[BASE64_MAX + 1];
	struct writer w = writer_of(text, capacity);

	assert(strlen(title) < ARMOUR_TITLE_MAX && contents.len <= ARMOUR_BLOB_MAX);
	struct bytes blob = blob_seal(sealed, kind, title, contents);
	sodium_bin2base64(base64, sizeof(base64), blob.data, blob.len, sodium_base64_VARIANT_ORIGINAL);
	write_copy(&w, "# ", 2);
	write_copy(&w, title, strlen(title));
	write_u8(&w, '\n');
	for (size_t left = strlen(base64), part; left > 0; left -= part) {
		part = left < COLUMNS ? left : COLUMNS;
		write_copy(&w, base64 + strlen(base64) - left, part);
		write_u8(&w, '\n');
	}
	write_u8(&w, '\0');
	secret_wipe(sealed, sizeof(sealed));
	secret_wipe(base64, sizeof(base64));
	if (writer_ok(&w))
		return (int)writer_len(&w) - 1;
	secret_wipe(text, capacity);
	return -ENOSPC;
}

void armour_done(struct armour *a)
{
	secret_wipe(a, sizeof(*a));
}

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r';
}

/* The next line that is not empty, without white space at its end; empty when there is none. */
static struct bytes line_read(struct reader *r)
{
	struct bytes line = { 0 };

	while (reader_left(r) > 0 && line.len == 0) {
		const uint8_t *end = memchr(r->at, '\n', reader_left(r));

		line = read_bytes(r, end ? (size_t)(end - r->at) : reader_left(r));
		if (end)
			read_skip(r, 1);
		while (line.len > 0 && is_blank(line.data[line.len - 1]))
			line.len--;
	}
	return line;
}

static int title_read(char title[ARMOUR_TITLE_MAX], struct reader *r)
{
	struct bytes line = line_read(r);

	if (line.len < 2 || memcmp(line.data, "# ", 2) != 0 || line.len - 2 >= ARMOUR_TITLE_MAX)
		return -EBADMSG;
	if (memchr(line.data, '\0', line.len))
		return -EBADMSG;
	memcpy(title, line.data + 2, line.len - 2);
	title[line.len - 2] = '\0';
	return 0;
}

/* libsodium's decoder takes some bytes above 0x7f for letters. Looks at all bytes alike: they are secret. */
static bool is_ascii(const char *text, size_t len)
{
	uint8_t all = 0;

	for (size_t i = 0; i < len; i++)
		all |= (uint8_t)text[i];
	return all < 0x80;
}

/* Decodes the lines that are left; the length, or -EBADMSG. */
static int blob_read(uint8_t sealed[SEALED_MAX], struct reader *r)
{
	char base64[BASE64_MAX];
	struct writer w = writer_of(base64, sizeof(base64));
	int len = -EBADMSG;
	size_t decoded;

	for (struct bytes line = line_read(r); line.len > 0; line = line_read(r))
		write_bytes(&w, line);
	if (writer_ok(&w) && is_ascii(base64, writer_len(&w)) &&
		sodium_base642bin(sealed, SEALED_MAX, base64, writer_len(&w), NULL, &decoded, NULL,
			sodium_base64_VARIANT_ORIGINAL) == 0)
		len = (int)decoded;
	secret_wipe(base64, sizeof(base64));
	return len;
}

/* Takes head and checksum off. */
static int blob_open(struct armour *a, enum armour_kind kind, struct bytes sealed)
{
	uint8_t checksum[CHECKSUM_LEN];

	if (sealed.len < HEAD_LEN + CHECKSUM_LEN || sealed.data[0] != ARMOUR_VERSION || sealed.data[1] != kind)
		return -EBADMSG;
	struct bytes message = bytes_of(sealed.data, sealed.len - CHECKSUM_LEN);
	checksum_compute(checksum, a->title, message);
	if (!secret_equal(checksum, sealed.data + message.len, CHECKSUM_LEN))
		return -EBADMSG;
	a->len = message.len - HEAD_LEN;
	memcpy(a->contents, message.data + HEAD_LEN, a->len);
	return 0;
}

bool armour_begins(struct bytes *text)
{
	while (text->len && text->data[0] <= ' ')
		*text = bytes_of(text->data + 1, text->len - 1);
	return text->len && text->data[0] == '#';
}

int armour_parse(struct armour *a, enum armour_kind kind, struct bytes text)
{
	uint8_t sealed[SEALED_MAX];
	struct reader r = reader_of(text);
	int error = text.len > ENROLMENT_TEXT_MAX ? -EBADMSG : title_read(a->title, &r);

	if (!error) {
		int len = blob_read(sealed, &r);

		error = len < 0 ? len : blob_open(a, kind, bytes_of(sealed, (size_t)len));
		secret_wipe(sealed, sizeof(sealed));
	}
	if (error)
		armour_done(a);
	return error;
}
