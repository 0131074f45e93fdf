/*
 * The scanner. Sealed bytes look random, so whatever is looked for must be long
 * enough not to occur in random bytes by chance: 16 bytes of image, names and
 * markers of 7 bytes and more, 40 bits of an address, and for Babel (RFC 8966,
 * 4.2: magic 42, version 2) a body whose TLVs fill its length exactly.
 *
 * The image is cut into aligned chunks in a hash table; each offset of a frame
 * is looked up, so that it does not matter where a segment happened to be cut.
 */
#include "sim/demo/scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ETHERNET_HEADER 14
#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define IPV6_HEADER 40
#define UDP_HEADER 8
#define PROTOCOL_UDP 17
#define BABEL_MAGIC 42
#define BABEL_VERSION 2
#define BABEL_PAD1 0
#define SEALED_HEADER 16 /* where the plain text of a frame of ours would begin */

const char *scan_kind_name(enum scan_kind kind)
{
	static const char *const names[SCAN_KINDS] = { "image", "name", "address", "babel", "marker" };

	return names[kind];
}

uint64_t scan_hits_total(const struct scan_hits *hits)
{
	uint64_t sum = 0;

	for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
		sum += hits->of[kind];
	return sum;
}

void scan_hits_add(struct scan_hits *sum, const struct scan_hits *more)
{
	sum->frames += more->frames;
	sum->bytes += more->bytes;
	for (unsigned kind = 0; kind < SCAN_KINDS; kind++)
		sum->of[kind] += more->of[kind];
}

static uint32_t chunk_hash(const uint8_t *chunk)
{
	uint64_t word;

	memcpy(&word, chunk, sizeof(word));
	return (uint32_t)(word * 0x9e3779b97f4a7c15ull >> 32);
}

static bool chunk_is_telling(const uint8_t *chunk)
{
	unsigned different = 0;

	for (unsigned i = 0; i < SCAN_CHUNK; i++)
		if (!memchr(chunk, chunk[i], i))
			different++;
	return different >= SCAN_CHUNK_VARIETY;
}

static bool chunk_is_known(const struct scan *s, const uint8_t *chunk)
{
	for (uint32_t at = chunk_hash(chunk) & s->mask; s->slots[at]; at = (at + 1) & s->mask)
		if (memcmp(s->image.data + s->slots[at] - 1, chunk, SCAN_CHUNK) == 0)
			return true;
	return false;
}

static void chunk_add(struct scan *s, uint32_t offset)
{
	const uint8_t *chunk = s->image.data + offset;
	uint32_t at = chunk_hash(chunk) & s->mask;

	if (!chunk_is_telling(chunk) || chunk_is_known(s, chunk))
		return;
	while (s->slots[at])
		at = (at + 1) & s->mask;
	s->slots[at] = offset + 1;
	s->chunk_count++;
}

int scan_init(struct scan *s, struct bytes image)
{
	uint32_t slots = 1;

	memset(s, 0, sizeof(*s));
	if (image.len < SCAN_CHUNK || image.len > UINT32_MAX / 2)
		return -EINVAL;
	/* At most one slot in eight is taken: most lookups end at the first. */
	while (slots < image.len / SCAN_CHUNK * 8)
		slots *= 2;
	s->slots = calloc(slots, sizeof(*s->slots));
	if (!s->slots)
		return -ENOMEM;
	s->mask = slots - 1;
	s->image = image;
	for (uint32_t offset = 0; offset + SCAN_CHUNK <= image.len; offset += SCAN_CHUNK)
		chunk_add(s, offset);
	if (s->chunk_count)
		return 0;
	scan_done(s);
	return -EINVAL;
}

void scan_done(struct scan *s)
{
	free(s->slots);
	s->slots = NULL;
}

int scan_text_add(struct scan *s, enum scan_kind kind, const char *text)
{
	if (strlen(text) < SCAN_TEXT_LEN_MIN)
		return -EINVAL;
	if (s->text_count == SCAN_TEXT_MAX)
		return -ENOSPC;
	s->texts[s->text_count++] = (struct scan_text){ .kind = kind, .text = bytes_of(text, strlen(text)) };
	return 0;
}

int scan_prefix_add(struct scan *s, const struct prefix *prefix)
{
	if (prefix->plen < SCAN_PREFIX_BITS_MIN)
		return -EINVAL;
	if (s->prefix_count == SCAN_PREFIX_MAX)
		return -ENOSPC;
	s->prefixes[s->prefix_count++] = *prefix;
	return 0;
}

static uint64_t text_count(struct bytes in, struct bytes text)
{
	const uint8_t *end = in.data + in.len, *at = in.data;
	uint64_t count = 0;

	while ((at = memmem(at, (size_t)(end - at), text.data, text.len))) {
		count++;
		at += text.len;
	}
	return count;
}

static uint64_t image_count(const struct scan *s, struct bytes in)
{
	uint64_t count = 0;

	for (size_t at = 0; at + SCAN_CHUNK <= in.len;) {
		bool known = chunk_is_known(s, in.data + at);

		count += known;
		at += known ? SCAN_CHUNK : 1;
	}
	return count;
}

/* A Babel packet from here on: header, and TLVs that end where the header says. */
static bool babel_begins(struct bytes at)
{
	struct reader r = reader_of(at);
	unsigned magic = read_u8(&r), version = read_u8(&r);
	size_t body = read_u16(&r);

	if (magic != BABEL_MAGIC || version != BABEL_VERSION || body < 2)
		return false;
	struct reader tlvs = read_sub(&r, body);
	while (reader_left(&tlvs) > 0)
		if (read_u8(&tlvs) != BABEL_PAD1)
			read_skip(&tlvs, read_u8(&tlvs));
	return reader_ok(&r) && reader_ok(&tlvs);
}

/* What a frame carries for its protocol: of UDP the payload, else what follows the Ethernet header. */
static struct bytes payload_of(struct bytes frame)
{
	struct reader r = reader_of(frame);

	read_skip(&r, ETHERNET_HEADER - 2);
	unsigned type = read_u16(&r), protocol = 0;
	struct reader ip = r;
	if (type == ETHERTYPE_IPV4) {
		unsigned header = (read_u8(&ip) & 0x0f) * 4u;

		read_skip(&ip, 8);
		protocol = read_u8(&ip);
		read_skip(&ip, header < 10 ? 0 : header - 10);
	} else if (type == ETHERTYPE_IPV6) {
		read_skip(&ip, 6);
		protocol = read_u8(&ip);
		read_skip(&ip, IPV6_HEADER - 7);
	}
	if (protocol == PROTOCOL_UDP) {
		read_skip(&ip, UDP_HEADER);
		r = ip;
	}
	return read_bytes(&r, reader_left(&r));
}

static uint64_t babel_count(struct bytes frame)
{
	/* Plain; behind a header like ours; and behind the kind of an inner frame. */
	static const size_t places[] = { 0, SEALED_HEADER, SEALED_HEADER + 1 };
	struct bytes payload = payload_of(frame);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && places[i] < payload.len; i++)
		if (babel_begins(bytes_of(payload.data + places[i], payload.len - places[i])))
			return 1;
	return 0;
}

void scan_frame(const struct scan *s, struct bytes frame, struct scan_hits *hits)
{
	hits->frames++;
	hits->bytes += frame.len;
	hits->of[SCAN_IMAGE] += image_count(s, frame);
	hits->of[SCAN_BABEL] += babel_count(frame);
	for (unsigned i = 0; i < s->text_count; i++)
		hits->of[s->texts[i].kind] += text_count(frame, s->texts[i].text);
	for (unsigned i = 0; i < s->prefix_count; i++)
		hits->of[SCAN_ADDRESS] +=
			text_count(frame, bytes_of(s->prefixes[i].address.bytes, s->prefixes[i].plen / 8));
}
