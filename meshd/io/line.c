/* The frames that wait for a line. */
#include "meshd/io/line.h"

#include <stdlib.h>
#include <string.h>

void line_queue_init(struct line_queue *q, size_t bytes_max)
{
	*q = (struct line_queue){ .bytes_max = bytes_max };
	q->last = &q->first;
}

bool line_queue_push(struct line_queue *q, const struct endpoint *to, struct bytes frame)
{
	bool is_full = q->first && q->bytes + frame.len > q->bytes_max;
	struct line_frame *f = is_full ? NULL : malloc(sizeof(*f) + frame.len);

	if (!f)
		return false;
	*f = (struct line_frame){ .is_to_all = !to, .len = frame.len };
	if (to)
		f->to = *to;
	memcpy(f->bytes, frame.data, frame.len);
	*q->last = f;
	q->last = &f->next;
	q->bytes += frame.len;
	return true;
}

struct line_frame *line_queue_pop(struct line_queue *q)
{
	struct line_frame *f = q->first;

	if (!f)
		return NULL;
	q->first = f->next;
	if (!q->first)
		q->last = &q->first;
	q->bytes -= f->len;
	return f;
}

void line_queue_clear(struct line_queue *q)
{
	struct line_frame *f;

	while ((f = line_queue_pop(q)))
		free(f);
}
