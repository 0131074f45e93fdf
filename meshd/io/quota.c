/*
 * Of what happens often no more than so many of one code in a window; the rest is only
 * counted, for who tells the number afterwards: in the log, and in the incident log.
 */
#include "meshd/io/io.h"

#include <string.h>

struct quota *quota_find(struct quotas *q, uint64_t now_us, const char *code)
{
	for (unsigned i = 0; i < q->count; i++)
		if (strncmp(q->all[i].code, code, EVENT_CODE_MAX - 1) == 0)
			return &q->all[i];
	if (q->count == QUOTAS_MAX)
		return &q->all[QUOTAS_MAX - 1];
	struct quota *new = &q->all[q->count++];
	*new = (struct quota){ .since_us = now_us };
	snprintf(new->code, sizeof(new->code), "%s", code);
	return new;
}

bool quota_is_over(const struct quota *q, uint64_t now_us, uint64_t window_us)
{
	return now_us >= q->since_us + window_us;
}

bool quota_take(struct quota *q, unsigned most)
{
	bool is_kept = q->kept < most;

	q->kept += is_kept;
	q->more += !is_kept;
	return is_kept;
}

bool quota_renew(struct quota *q, uint64_t now_us, char text[QUOTA_TEXT])
{
	unsigned more = q->more;

	snprintf(text, QUOTA_TEXT, "%s: %u more", q->code, more);
	q->since_us = now_us;
	q->kept = q->more = 0;
	return more;
}
