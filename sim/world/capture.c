/*
 * Captures of a world's links. A frame is written when it is offered: the lost ones too.
 *
 *   inner (node, before it seals) ──► kept ──┐
 *   offered (segment) ───────────────────────┴──► written as it is, or as what was kept
 *
 * A node seals a frame and sends it at once, so what was kept last is in the data frame
 * that comes next from the same station. On thin links that may be a piece: what was cut
 * is written whole in the place of its first piece, and the others as they are.
 */
#include "sim/world/capture.h"

#include "meshd/base/opened.h"
#include "meshd/base/packet.h"
#include "meshd/base/pcapng.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MESH_PORT 6649 /* in what is sent to all */
#define PATH_LEN 4096
#define KEPT_MAX 32

struct capture {
	struct world *w;
	FILE *all; /* NULL: one file for each segment */
	unsigned count;
	FILE **files; /* by segment */
	/* What was sealed last, or is the whole of it. */
	const struct station *sealer;
	struct address neighbour;
	bool is_whole; /* and the first frame of it comes next */
	unsigned kept_count; /* more than one: a bundle */
	struct kept_inner {
		size_t len;
		uint8_t bytes[NODE_FRAME_MAX + 1];
	} kept[KEPT_MAX];
};

/* --- packets ---------------------------------------------------------------------------- */

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

/* An endpoint is four bytes of address and two of port. */
static void sealed_udp_write(
	struct writer *out, const struct endpoint *from, const struct endpoint *to, struct bytes frame)
{
	static const struct endpoint all = { 6, { 255, 255, 255, 255, MESH_PORT >> 8, MESH_PORT & 0xff } };
	const struct endpoint *there = to ? to : &all;
	const struct packet_udp u = {
		.hop_limit = 64,
		.source = address_ipv4(from->bytes),
		.destination = address_ipv4(there->bytes),
		.source_port = (uint16_t)(from->bytes[4] << 8 | from->bytes[5]),
		.destination_port = (uint16_t)(there->bytes[4] << 8 | there->bytes[5]),
	};

	write_u16(out, ETHERTYPE_IPV4);
	packet_write_udp(out, &u, frame);
}

static bool is_kept(const struct capture *c, const struct segment *g, unsigned from, struct bytes frame)
{
	const struct port *p = from < g->end_count ? g->ends[from].port : NULL;

	if (!c->sealer || !p || p->station != c->sealer || !port_frame_is_data(p, frame))
		return false;
	return p->config.is_thin || frame.len == FRAME_OVERHEAD + c->kept[0].len;
}

static struct writer packet_begin(uint8_t data[PCAPNG_PACKET_MAX], const struct segment *g, unsigned from, int target)
{
	struct writer out = writer_of(data, PCAPNG_PACKET_MAX);

	mac_write(&out, g, target);
	mac_write(&out, g, (int)from);
	return out;
}

static void put(FILE *f, const struct writer *w)
{
	struct bytes b = writer_bytes(w);

	fwrite(b.data, 1, b.len, f);
}

static void packet_end(const struct capture *c, const struct segment *g, unsigned from, const struct writer *packet)
{
	uint64_t time_ns = station_time_us(g->ends[from < g->end_count ? from : 0].port->station) * 1000;
	uint8_t data[PCAPNG_BLOCK_MAX];
	struct writer out = writer_of(data, sizeof(data));

	if (c->all)
		pcapng_packet(&out, g->index, time_ns, writer_bytes(packet));
	else
		pcap_packet(&out, time_ns, writer_bytes(packet));
	put(c->all ? c->all : c->files[g->index], &out);
}

static void capture_frame(void *user, const struct segment *g, unsigned from, int target, const struct endpoint *to,
	const struct endpoint *source, struct bytes frame)
{
	struct capture *c = user;
	uint8_t data[PCAPNG_PACKET_MAX];
	unsigned kept_count = is_kept(c, g, from, frame) ? c->kept_count : 0;
	bool is_opened = false;

	for (unsigned i = 0; i < kept_count; i++) {
		struct writer out = packet_begin(data, g, from, target);

		if (!opened_write(&out, bytes_of(c->kept[i].bytes, c->kept[i].len), &c->sealer->neighbour_address,
			    &c->neighbour))
			continue;
		packet_end(c, g, from, &out);
		is_opened = true;
	}
	if (is_opened)
		return;
	struct writer out = packet_begin(data, g, from, target);
	if (g->ends[0].port->is_udp) {
		sealed_udp_write(&out, source, to, frame);
	} else {
		write_u16(&out, ETHERTYPE_MESH);
		write_u16(&out, (uint16_t)frame.len);
		write_bytes(&out, frame);
	}
	packet_end(c, g, from, &out);
}

static void keep(struct capture *c, const struct station *s, const struct address *neighbour, struct bytes inner)
{
	struct kept_inner *k = &c->kept[c->kept_count];

	if (c->kept_count == KEPT_MAX || inner.len > sizeof(k->bytes))
		return;
	c->sealer = s;
	c->neighbour = *neighbour;
	k->len = inner.len;
	memcpy(k->bytes, inner.data, inner.len);
	c->kept_count++;
}

static void capture_inner(
	void *user, struct station *s, bool is_out, unsigned link, const struct address *neighbour, struct bytes inner)
{
	struct capture *c = user;

	(void)link;
	if (!is_out)
		return;
	if (!c->is_whole) {
		c->kept_count = 0;
		keep(c, s, neighbour, inner);
	}
	c->is_whole = false;
}

static void capture_whole(void *user, struct station *s, const struct address *neighbour, struct bytes inner)
{
	struct capture *c = user;

	if (!c->is_whole)
		c->kept_count = 0;
	keep(c, s, neighbour, inner);
	c->is_whole = true;
}

/* --- files --------------------------------------------------------------------------------- */

static bool open_all(struct capture *c, const char *path)
{
	const struct world *w = c->w;

	c->all = fopen(path, "we");
	if (!c->all)
		return false;
	uint8_t data[PCAPNG_BLOCK_MAX];
	struct writer out = writer_of(data, sizeof(data));
	pcapng_begin(&out, "meshsim " MESHD_VERSION);
	put(c->all, &out);
	for (unsigned i = 0; i < w->segment_count; i++) {
		out = writer_of(data, sizeof(data));
		pcapng_interface(&out, w->segments[i]->name, w->segments[i]->rate_bps);
		put(c->all, &out);
	}
	for (unsigned i = 0; i < w->station_count; i++) {
		const struct station *s = w->stations[i];
		const struct address addresses[2] = { s->address, s->neighbour_address };

		out = writer_of(data, sizeof(data));
		pcapng_name(&out, s->name, addresses, 2);
		put(c->all, &out);
	}
	return true;
}

static bool open_each(struct capture *c, const char *dir)
{
	char path[PATH_LEN];

	c->files = world_alloc((c->w->segment_count + 1) * sizeof(FILE *));
	for (; c->count < c->w->segment_count; c->count++) {
		snprintf(path, sizeof(path), "%s/%s.pcap", dir, c->w->segments[c->count]->name);
		c->files[c->count] = fopen(path, "we");
		if (!c->files[c->count])
			return false;
		uint8_t data[PCAPNG_BLOCK_MAX];
		struct writer out = writer_of(data, sizeof(data));
		pcap_begin(&out);
		put(c->files[c->count], &out);
	}
	return true;
}

struct capture *capture_world(struct world *w, const char *path, enum capture_form form, char *error, size_t size)
{
	struct capture *c = world_alloc(sizeof(*c));
	struct stat status;

	c->w = w;
	bool is_dir = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
	if (is_dir ? !open_each(c, path) : !open_all(c, path)) {
		snprintf(error, size, "%.200s: a capture cannot be written: %s; %s", path, strerror(errno),
			is_dir && errno == EMFILE ? "write all links to one FILE.pcapng"
						  : "name a file, or a directory that is there");
		capture_end(c);
		return NULL;
	}
	w->offered = capture_frame;
	w->offered_user = c;
	if (form == CAPTURE_OPENED) {
		w->inner = capture_inner;
		w->whole = capture_whole;
		w->inner_user = c;
	}
	return c;
}

static int file_end(FILE *f)
{
	bool is_bad = ferror(f);

	return fclose(f) || is_bad ? -EIO : 0;
}

int capture_end(struct capture *c)
{
	int error = 0;

	if (c->w->offered_user == c)
		c->w->offered = NULL;
	if (c->w->inner_user == c) {
		c->w->inner = NULL;
		c->w->whole = NULL;
	}
	if (c->all)
		error = file_end(c->all);
	for (unsigned i = 0; i < c->count; i++)
		if (file_end(c->files[i]))
			error = -EIO;
	free(c->files);
	free(c);
	return error;
}
