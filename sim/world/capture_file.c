/*
 * pcap and pcapng (draft-ietf-opsawg-pcapng), little-endian on every machine, so that
 * the same run gives the same bytes. Whether all was written is for ferror() to say.
 *
 *   pcapng: section header · interface* · names* · packet*
 *   block:  type 4 · length 4 · body, padded to 4 · length 4
 */
#include "sim/world/capture_file.h"

#include <string.h>

#define LINKTYPE_ETHERNET 1
#define NS_PER_S 1000000000u
#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_NAMES 4
#define BLOCK_PACKET 6
#define BLOCK_HEAD 8
#define BLOCK_TAIL 4
#define OPTION_IF_NAME 2
#define OPTION_IF_SPEED 8
#define OPTION_IF_TSRESOL 9
#define OPTION_USER_PROGRAM 4
#define NAME_IPV6 2
#define SMALL_BLOCK_MAX 512

static void put(FILE *f, const struct writer *w)
{
	struct bytes b = writer_bytes(w);

	fwrite(b.data, 1, b.len, f);
}

static size_t padding(size_t len)
{
	return -len & 3;
}

/* --- pcap --------------------------------------------------------------------------- */

void pcap_begin(FILE *f)
{
	uint8_t data[24];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, 0xa1b23c4d); /* nanoseconds */
	write_le16(&w, 2);
	write_le16(&w, 4);
	write_le64(&w, 0);
	write_le32(&w, CAPTURE_PACKET_MAX);
	write_le32(&w, LINKTYPE_ETHERNET);
	put(f, &w);
}

void pcap_packet(FILE *f, uint64_t time_ns, struct bytes packet)
{
	uint8_t data[16];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, (uint32_t)(time_ns / NS_PER_S));
	write_le32(&w, (uint32_t)(time_ns % NS_PER_S));
	write_le32(&w, (uint32_t)packet.len);
	write_le32(&w, (uint32_t)packet.len);
	put(f, &w);
	fwrite(packet.data, 1, packet.len, f);
}

/* --- pcapng ---------------------------------------------------------------------------- */

static void block_write(FILE *f, uint32_t type, struct bytes body, struct bytes more)
{
	size_t pad = padding(body.len + more.len);
	uint32_t len = (uint32_t)(BLOCK_HEAD + body.len + more.len + pad + BLOCK_TAIL);
	uint8_t head[BLOCK_HEAD], tail[3 + BLOCK_TAIL];
	struct writer w = writer_of(head, sizeof(head)), t = writer_of(tail, sizeof(tail));

	write_le32(&w, type);
	write_le32(&w, len);
	put(f, &w);
	fwrite(body.data, 1, body.len, f);
	if (more.len)
		fwrite(more.data, 1, more.len, f);
	write_zeros(&t, pad);
	write_le32(&t, len);
	put(f, &t);
}

static void option_write(struct writer *w, uint16_t code, struct bytes value)
{
	write_le16(w, code);
	write_le16(w, (uint16_t)value.len);
	write_bytes(w, value);
	write_zeros(w, padding(value.len));
}

static void options_end(struct writer *w)
{
	write_le32(w, 0);
}

void pcapng_begin(FILE *f)
{
	static const char program[] = "meshsim " MESHD_VERSION;
	uint8_t data[SMALL_BLOCK_MAX];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, 0x1a2b3c4d);
	write_le16(&w, 1);
	write_le16(&w, 0);
	write_le64(&w, UINT64_MAX); /* the section's length is not known beforehand */
	option_write(&w, OPTION_USER_PROGRAM, bytes_of(program, sizeof(program) - 1));
	options_end(&w);
	block_write(f, BLOCK_SECTION, writer_bytes(&w), bytes_of(NULL, 0));
}

void pcapng_interface(FILE *f, const char *name, uint64_t rate_bps)
{
	static const uint8_t nanoseconds = 9;
	uint8_t data[SMALL_BLOCK_MAX], speed[8];
	struct writer w = writer_of(data, sizeof(data)), s = writer_of(speed, sizeof(speed));

	write_le64(&s, rate_bps);
	write_le16(&w, LINKTYPE_ETHERNET);
	write_le16(&w, 0);
	write_le32(&w, CAPTURE_PACKET_MAX);
	option_write(&w, OPTION_IF_NAME, bytes_of(name, strlen(name)));
	if (rate_bps)
		option_write(&w, OPTION_IF_SPEED, writer_bytes(&s));
	option_write(&w, OPTION_IF_TSRESOL, bytes_of(&nanoseconds, 1));
	options_end(&w);
	block_write(f, BLOCK_INTERFACE, writer_bytes(&w), bytes_of(NULL, 0));
}

void pcapng_name(FILE *f, const char *name, const struct address *addresses, unsigned count)
{
	uint8_t data[SMALL_BLOCK_MAX];
	struct writer w = writer_of(data, sizeof(data));
	size_t len = strlen(name) + 1;

	for (unsigned i = 0; i < count; i++) {
		write_le16(&w, NAME_IPV6);
		write_le16(&w, (uint16_t)(16 + len));
		write_copy(&w, addresses[i].bytes, 16);
		write_copy(&w, name, len);
		write_zeros(&w, padding(len));
	}
	write_le32(&w, 0);
	block_write(f, BLOCK_NAMES, writer_bytes(&w), bytes_of(NULL, 0));
}

void pcapng_packet(FILE *f, unsigned interface, uint64_t time_ns, struct bytes packet)
{
	uint8_t data[20];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, interface);
	write_le32(&w, (uint32_t)(time_ns >> 32));
	write_le32(&w, (uint32_t)time_ns);
	write_le32(&w, (uint32_t)packet.len);
	write_le32(&w, (uint32_t)packet.len);
	block_write(f, BLOCK_PACKET, writer_bytes(&w), packet);
}
