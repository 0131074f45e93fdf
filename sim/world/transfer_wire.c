/* TCP segments (RFC 9293) with selective acknowledgements (RFC 2018). */
#include "sim/world/transfer.h"

#define WORD 4
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_SACK 5
#define WINDOW 0xffff /* of a scale that hosts agreed on: it never binds */

static size_t header_len(const struct tcp_segment *s)
{
	return TCP_HEADER + (s->sack_count ? WORD + 8 * s->sack_count : 0);
}

struct bytes tcp_write(uint8_t *out, const struct host_packet *p, const struct tcp_segment *s)
{
	struct writer w = writer_of(out, WORLD_PACKET_MAX);
	size_t header = header_len(s);

	host_packet_begin(&w, p, IPV6_HEADER + header + s->len);
	write_u32(&w, s->seq);
	write_u32(&w, s->ack);
	write_u8(&w, (uint8_t)(header / WORD << 4));
	write_u8(&w, (uint8_t)s->flags);
	write_u16(&w, WINDOW);
	write_u32(&w, 0);
	if (s->sack_count) {
		write_u8(&w, OPTION_NOP);
		write_u8(&w, OPTION_NOP);
		write_u8(&w, OPTION_SACK);
		write_u8(&w, (uint8_t)(2 + 8 * s->sack_count));
	}
	for (unsigned i = 0; i < s->sack_count; i++) {
		write_u32(&w, s->sack[i].from);
		write_u32(&w, s->sack[i].until);
	}
	write_zeros(&w, s->len);
	return host_packet_end(&w);
}

static void sack_read(struct tcp_segment *s, struct reader *options)
{
	while (reader_left(options)) {
		uint8_t kind = read_u8(options), len;

		if (kind == OPTION_END)
			return;
		if (kind == OPTION_NOP)
			continue;
		len = read_u8(options);
		struct reader body = read_sub(options, len < 2 ? 0 : len - 2u);
		for (; kind == OPTION_SACK && reader_left(&body) >= 8 && s->sack_count < SACK_BLOCKS; s->sack_count++) {
			s->sack[s->sack_count].from = read_u32(&body);
			s->sack[s->sack_count].until = read_u32(&body);
		}
	}
}

bool tcp_read(struct tcp_segment *s, const struct host_packet *p)
{
	struct reader r = reader_of(p->rest);

	*s = (struct tcp_segment){ 0 };
	s->seq = read_u32(&r);
	s->ack = read_u32(&r);
	size_t header = (size_t)(read_u8(&r) >> 4) * WORD;
	s->flags = read_u8(&r);
	read_skip(&r, 6);
	struct reader options = read_sub(&r, header > TCP_HEADER ? header - TCP_HEADER : 0);
	sack_read(s, &options);
	s->len = reader_left(&r);
	return reader_ok(&r) && reader_ok(&options) && header >= TCP_HEADER;
}
