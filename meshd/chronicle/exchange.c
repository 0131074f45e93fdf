/* Logs on their way, as bytes (exchange.h). */
#include "meshd/chronicle/exchange.h"

#include <errno.h>
#include <string.h>

static const uint8_t head[EXCHANGE_HEAD_LEN] = { 'm', 'l', 'o', 'g', 1 };

void exchange_request_write(uint8_t out[EXCHANGE_REQUEST_LEN], uint64_t from)
{
	struct writer w = writer_of(out, EXCHANGE_REQUEST_LEN);

	exchange_head_write(&w);
	write_u64(&w, from);
}

int exchange_request_read(struct bytes request, uint64_t *from)
{
	struct reader r = reader_of(request);

	if (exchange_head_read(&r) < 0)
		return -EBADMSG;
	*from = read_u64(&r);
	return reader_ok(&r) && reader_left(&r) == 0 && *from <= INT64_MAX ? 0 : -EBADMSG;
}

void exchange_head_write(struct writer *w)
{
	write_copy(w, head, sizeof(head));
}

int exchange_head_read(struct reader *r)
{
	return bytes_equal(read_bytes(r, sizeof(head)), bytes_of(head, sizeof(head))) ? 0 : -EBADMSG;
}

bool exchange_run_write(struct writer *w, const struct log_link *link, struct bytes body)
{
	if (body.len > EXCHANGE_BODY_MAX || writer_left(w) < EXCHANGE_RUN_HEAD + body.len + EXCHANGE_END_LEN)
		return false;
	write_u64(w, link->number);
	write_u32(w, (uint32_t)body.len);
	write_copy(w, link->before, LOG_HASH_LEN);
	write_copy(w, link->signature, SIGNATURE_LEN);
	write_bytes(w, body);
	return true;
}

void exchange_end_write(struct writer *w, uint64_t newest)
{
	write_u64(w, 0);
	write_u64(w, newest);
}

enum exchange_part exchange_read(struct reader *r, struct log_link *link, struct bytes *body, uint64_t *newest)
{
	*link = (struct log_link){ .number = read_u64(r) };
	if (!reader_ok(r))
		return EXCHANGE_CUT;
	if (!link->number) {
		*newest = read_u64(r);
		return reader_ok(r) ? EXCHANGE_END : EXCHANGE_CUT;
	}
	uint32_t len = read_u32(r);
	if (link->number > INT64_MAX || len > EXCHANGE_BODY_MAX)
		return EXCHANGE_BAD;
	read_copy(r, link->before, LOG_HASH_LEN);
	read_copy(r, link->signature, SIGNATURE_LEN);
	*body = read_bytes(r, len);
	return reader_ok(r) ? EXCHANGE_RUN : EXCHANGE_CUT;
}
