/*
 * block:  type 4 · length 4 · body, padded to 4 · length 4
 */
#include "meshd/base/pcapng.h"

#include <string.h>

#define LINKTYPE_ETHERNET 1
#define NS_PER_S 1000000000u
#define BLOCK_SECTION 0x0a0d0d0a
#define BLOCK_INTERFACE 1
#define BLOCK_NAMES 4
#define BLOCK_TAIL 4
#define OPTION_IF_NAME 2
#define OPTION_IF_SPEED 8
#define OPTION_IF_TSRESOL 9
#define OPTION_USER_PROGRAM 4
#define OPTION_SEEN 4 /* of statistics */
#define OPTION_LOST 5
#define NAME_IPV6 2
#define SMALL_BLOCK_MAX 512

static size_t padding(size_t len)
{
	return -len & 3;
}

/* --- pcap --------------------------------------------------------------------------- */

void pcap_begin(struct writer *out)
{
	write_le32(out, 0xa1b23c4d); /* nanoseconds */
	write_le16(out, 2);
	write_le16(out, 4);
	write_le64(out, 0);
	write_le32(out, PCAPNG_PACKET_MAX);
	write_le32(out, LINKTYPE_ETHERNET);
}

void pcap_packet(struct writer *out, uint64_t time_ns, struct bytes packet)
{
	write_le32(out, (uint32_t)(time_ns / NS_PER_S));
	write_le32(out, (uint32_t)(time_ns % NS_PER_S));
	write_le32(out, (uint32_t)packet.len);
	write_le32(out, (uint32_t)packet.len);
	write_bytes(out, packet);
}

/* --- pcapng ---------------------------------------------------------------------------- */

static void block_write(struct writer *out, uint32_t type, struct bytes body, struct bytes more)
{
	size_t pad = padding(body.len + more.len);
	uint32_t len = (uint32_t)(PCAPNG_BLOCK_HEAD + body.len + more.len + pad + BLOCK_TAIL);

	write_le32(out, type);
	write_le32(out, len);
	write_bytes(out, body);
	write_bytes(out, more);
	write_zeros(out, pad);
	write_le32(out, len);
}

static void option_write(struct writer *w, uint16_t code, struct bytes value)
{
	write_le16(w, code);
	write_le16(w, (uint16_t)value.len);
	write_bytes(w, value);
	write_zeros(w, padding(value.len));
}

static void option_write_u64(struct writer *w, uint16_t code, uint64_t value)
{
	uint8_t data[8];
	struct writer v = writer_of(data, sizeof(data));

	write_le64(&v, value);
	option_write(w, code, writer_bytes(&v));
}

static void options_end(struct writer *w)
{
	write_le32(w, 0);
}

static void time_write(struct writer *w, uint64_t time_ns)
{
	write_le32(w, (uint32_t)(time_ns >> 32));
	write_le32(w, (uint32_t)time_ns);
}

void pcapng_begin(struct writer *out, const char *program)
{
	uint8_t data[SMALL_BLOCK_MAX];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, 0x1a2b3c4d);
	write_le16(&w, 1);
	write_le16(&w, 0);
	write_le64(&w, UINT64_MAX); /* the section's length is not known beforehand */
	option_write(&w, OPTION_USER_PROGRAM, bytes_of(program, strlen(program)));
	options_end(&w);
	block_write(out, BLOCK_SECTION, writer_bytes(&w), bytes_of(NULL, 0));
}

void pcapng_interface(struct writer *out, const char *name, uint64_t rate_bps)
{
	static const uint8_t nanoseconds = 9;
	uint8_t data[SMALL_BLOCK_MAX];
	struct writer w = writer_of(data, sizeof(data));

	write_le16(&w, LINKTYPE_ETHERNET);
	write_le16(&w, 0);
	write_le32(&w, PCAPNG_PACKET_MAX);
	option_write(&w, OPTION_IF_NAME, bytes_of(name, strlen(name)));
	if (rate_bps)
		option_write_u64(&w, OPTION_IF_SPEED, rate_bps);
	option_write(&w, OPTION_IF_TSRESOL, bytes_of(&nanoseconds, 1));
	options_end(&w);
	block_write(out, BLOCK_INTERFACE, writer_bytes(&w), bytes_of(NULL, 0));
}

void pcapng_name(struct writer *out, const char *name, const struct address *addresses, unsigned count)
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
	block_write(out, BLOCK_NAMES, writer_bytes(&w), bytes_of(NULL, 0));
}

void pcapng_packet(struct writer *out, unsigned interface, uint64_t time_ns, struct bytes packet)
{
	uint8_t data[20];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, interface);
	time_write(&w, time_ns);
	write_le32(&w, (uint32_t)packet.len);
	write_le32(&w, (uint32_t)packet.len);
	block_write(out, PCAPNG_PACKET, writer_bytes(&w), packet);
}

void pcapng_statistics(
	struct writer *out, unsigned interface, uint64_t time_ns, const struct pcapng_statistics *statistics)
{
	uint8_t data[SMALL_BLOCK_MAX];
	struct writer w = writer_of(data, sizeof(data));

	write_le32(&w, interface);
	time_write(&w, time_ns);
	option_write_u64(&w, OPTION_SEEN, statistics->seen);
	option_write_u64(&w, OPTION_LOST, statistics->lost);
	options_end(&w);
	block_write(out, PCAPNG_STATISTICS, writer_bytes(&w), bytes_of(NULL, 0));
}

/* --- reading ------------------------------------------------------------------------------ */

bool pcapng_head_read(struct bytes head, uint32_t *type, uint32_t *len)
{
	struct reader r = reader_of(head);

	*type = read_le32(&r);
	*len = read_le32(&r);
	return reader_ok(&r) && *len >= PCAPNG_BLOCK_MIN && *len <= PCAPNG_BLOCK_MAX && *len % 4 == 0;
}

bool pcapng_statistics_read(struct bytes block, struct pcapng_statistics *statistics)
{
	struct reader r = reader_of(block);
	bool has_seen = false, has_lost = false;

	if (read_le32(&r) != PCAPNG_STATISTICS || read_le32(&r) != block.len)
		return false;
	read_skip(&r, 12); /* interface, time */
	while (reader_left(&r) > BLOCK_TAIL) {
		uint16_t code = read_le16(&r), len = read_le16(&r);
		struct reader value = reader_of(read_bytes(&r, len));

		read_skip(&r, padding(len));
		if (code == 0)
			break;
		if (code == OPTION_SEEN && len == 8) {
			statistics->seen = read_le64(&value);
			has_seen = true;
		} else if (code == OPTION_LOST && len == 8) {
			statistics->lost = read_le64(&value);
			has_lost = true;
		}
	}
	return read_le32(&r) == block.len && reader_ok(&r) && has_seen && has_lost;
}
