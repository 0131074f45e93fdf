/* pcap files of a world's links. A frame is written when it is offered: the lost ones too. */
#include "sim/world/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>

#define ETHERTYPE_MESH 0x88b5
#define ETHERTYPE_IPV4 0x0800
#define IPV4_HEADER 20
#define UDP_HEADER 8
#define UDP 17
#define MAC_LEN_BYTES 6
#define PATH_LEN 4096

struct capture {
	struct world *w;
	pcap_t *pcap;
	unsigned count;
	pcap_dumper_t **dumpers; /* by segment */
};

static void mac_write(struct writer *out, const struct segment *g, int end)
{
	if (end < 0) {
		write_u32(out, 0xffffffff);
		write_u16(out, 0xffff);
		return;
	}
	write_u16(out, 0x0253); /* locally administered */
	write_u16(out, (uint16_t)g->index);
	write_u16(out, (uint16_t)(end + 1));
}

/* Sum of a header of 16-bit words, in one's complement (RFC 1071). */
static uint16_t checksum(const uint8_t *header, size_t len)
{
	struct reader r = reader_of(bytes_of(header, len));
	uint32_t sum = 0;

	while (reader_left(&r))
		sum += read_u16(&r);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* An endpoint is four bytes of address and two of port. */
static void udp_write(struct writer *out, const struct endpoint *from, const struct endpoint *to, struct bytes frame)
{
	static const struct endpoint all = { 6, { 255, 255, 255, 255, 26, 41 } };
	const struct endpoint *there = to ? to : &all;
	uint8_t *header = out->at;

	write_u16(out, 0x4500);
	write_u16(out, (uint16_t)(IPV4_HEADER + UDP_HEADER + frame.len));
	write_u32(out, 0);
	write_u8(out, 64);
	write_u8(out, UDP);
	uint8_t *sum_at = write_reserve(out, 2);
	sum_at[0] = sum_at[1] = 0;
	write_copy(out, from->bytes, 4);
	write_copy(out, there->bytes, 4);
	struct writer sum = writer_of(sum_at, 2);
	write_u16(&sum, checksum(header, IPV4_HEADER));
	write_copy(out, from->bytes + 4, 2);
	write_copy(out, there->bytes + 4, 2);
	write_u16(out, (uint16_t)(UDP_HEADER + frame.len));
	write_u16(out, 0);
	write_bytes(out, frame);
}

static void capture_frame(void *user, const struct segment *g, unsigned from, int target, const struct endpoint *to,
	const struct endpoint *source, struct bytes frame)
{
	struct capture *c = user;
	uint8_t data[128 + NODE_FRAME_MAX];
	struct writer out = writer_of(data, sizeof(data));
	uint64_t now_us = world_time_us(c->w);
	struct pcap_pkthdr header = { 0 };

	mac_write(&out, g, target);
	mac_write(&out, g, (int)from);
	if (g->ends[from].port->is_udp) {
		write_u16(&out, ETHERTYPE_IPV4);
		udp_write(&out, source, to, frame);
	} else {
		write_u16(&out, ETHERTYPE_MESH);
		write_u16(&out, (uint16_t)frame.len);
		write_bytes(&out, frame);
	}
	header.caplen = header.len = (uint32_t)writer_len(&out);
	header.ts.tv_sec = (time_t)(now_us / SECOND_US);
	header.ts.tv_usec = (suseconds_t)(now_us % SECOND_US * 1000); /* nanoseconds in a nanosecond file */
	pcap_dump((u_char *)c->dumpers[g->index], &header, data);
}

struct capture *capture_world(struct world *w, const char *dir, char *error, size_t size)
{
	struct capture *c = world_alloc(sizeof(*c));
	char path[PATH_LEN];

	c->w = w;
	c->dumpers = world_alloc((w->segment_count + 1) * sizeof(pcap_dumper_t *));
	c->pcap = pcap_open_dead_with_tstamp_precision(DLT_EN10MB, 128 + NODE_FRAME_MAX, PCAP_TSTAMP_PRECISION_NANO);
	for (; c->pcap && c->count < w->segment_count; c->count++) {
		snprintf(path, sizeof(path), "%s/%s.pcap", dir, w->segments[c->count]->name);
		c->dumpers[c->count] = pcap_dump_open(c->pcap, path);
		if (!c->dumpers[c->count])
			break;
	}
	if (!c->pcap || c->count < w->segment_count) {
		snprintf(error, size, "%.300s; name a directory that is there",
			c->pcap ? pcap_geterr(c->pcap) : "memory");
		capture_end(c);
		return NULL;
	}
	w->offered = capture_frame;
	w->offered_user = c;
	return c;
}

int capture_end(struct capture *c)
{
	int error = 0;

	c->w->offered = NULL;
	for (unsigned i = 0; i < c->count; i++) {
		if (pcap_dump_flush(c->dumpers[i]) || ferror(pcap_dump_file(c->dumpers[i])))
			error = -EIO;
		pcap_dump_close(c->dumpers[i]);
	}
	if (c->pcap)
		pcap_close(c->pcap);
	free(c->dumpers);
	free(c);
	return error;
}
