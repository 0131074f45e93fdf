/*
 * One clock for all that happened.
 *
 * Each entry has the time since its process began, which is right, and the date by the
 * machine's clock, which may be anything. Of a process the difference of the two is
 * taken where the clock was best: when it was kept right last, else at the end, after
 * whoever set it. Processes of several nodes are compared by their meetings: two nodes
 * that become neighbours note it within moments of each other. The difference on which
 * most of their meetings agree is taken, where one of the clocks was kept by nobody.
 */
#include "meshd/chronicle/chronicle.h"

#include <stdlib.h>
#include <string.h>

#define COMPARED_MAX 128 /* starts of one node */
#define MEETING_MS 3000 /* both ends note one meeting within that, on a link that is not slow */
#define MEETINGS_MAX 32 /* of one process with one node: the last ones */

/* --- one process by itself ------------------------------------------------------------------------ */

static void process_settle(struct chronicle *r, unsigned index)
{
	struct chronicle_process *p = &r->processes[index];

	for (size_t i = 0; i < r->entry_count; i++) {
		const struct chronicle_entry *e = &r->entries[i];
		bool is_clock = e->process == index && strcmp(e->code, "clock") == 0;
		bool is_synced = is_clock && json_is_true(json_object_get(e->data, "synced"));

		if (e->process != index)
			continue;
		if (is_synced || !p->is_synced)
			p->offset_ms = e->date_ms - e->at_ms;
		if (is_synced && json_is_integer(json_object_get(e->data, "error_ms")))
			p->error_ms = json_integer_value(json_object_get(e->data, "error_ms"));
		p->is_told |= is_clock && json_is_boolean(json_object_get(e->data, "synced"));
		p->is_synced |= is_synced;
		if (strcmp(e->code, "clock-set") == 0)
			p->set_ms += json_integer_value(json_object_get(e->data, "by_ms"));
	}
}

/* --- by meetings ------------------------------------------------------------------------------------- */

struct meetings {
	size_t count;
	int64_t at_ms[MEETINGS_MAX]; /* by the story's clock so far */
};

static bool is_meeting(const struct chronicle_entry *e, const char *with)
{
	const char *neighbour = json_string_value(json_object_get(e->data, "neighbour"));

	return strcmp(e->code, "neighbour-up") == 0 && neighbour && strcmp(neighbour, with) == 0;
}

static int64_t story_ms(const struct chronicle *r, const struct chronicle_entry *e)
{
	return e->at_ms + r->processes[e->process].offset_ms;
}

/* Of one process, or of all of a log. */
static void meetings_find(const struct chronicle *r, struct meetings *m, int process, unsigned log, const char *with)
{
	m->count = 0;
	for (size_t i = r->entry_count; i-- > 0 && m->count < MEETINGS_MAX;) {
		const struct chronicle_entry *e = &r->entries[i];

		if (e->log == log && (process < 0 || e->process == (unsigned)process) && is_meeting(e, with))
			m->at_ms[m->count++] = story_ms(r, e);
	}
}

/* The difference on which most pairs agree, and how well: 0 of them, if there are none. */
static unsigned difference_find(
	const struct meetings *ours, const struct meetings *theirs, int64_t *difference_ms, int64_t *spread_ms)
{
	unsigned best = 0;

	for (size_t i = 0; i < ours->count; i++)
		for (size_t k = 0; k < theirs->count; k++) {
			int64_t d = ours->at_ms[i] - theirs->at_ms[k], low = d, high = d;
			unsigned agree = 0;

			for (size_t j = 0; j < ours->count; j++) {
				int64_t nearest = INT64_MAX;

				for (size_t n = 0; n < theirs->count; n++) {
					int64_t off = ours->at_ms[j] - theirs->at_ms[n] - d;

					if (llabs(off) < llabs(nearest))
						nearest = off;
				}
				if (theirs->count == 0 || llabs(nearest) > MEETING_MS)
					continue;
				agree++;
				low = d + nearest < low ? d + nearest : low;
				high = d + nearest > high ? d + nearest : high;
			}
			bool is_nearer = agree == best && best && llabs(d) < llabs(*difference_ms);
			if (agree > best || is_nearer) {
				best = agree;
				*difference_ms = (low + high) / 2;
				*spread_ms = (high - low) / 2;
			}
		}
	return best;
}

/* With the logs before its own. */
static void process_compare(struct chronicle *r, unsigned index)
{
	struct chronicle_process *p = &r->processes[index];
	struct meetings *m = malloc(2 * sizeof(*m));

	for (unsigned log = 0; m && log < p->log; log++) {
		int64_t difference_ms = 0, spread_ms = 0;

		meetings_find(r, &m[0], -1, log, r->logs[p->log].node);
		meetings_find(r, &m[1], (int)index, p->log, r->logs[log].node);
		unsigned agree = difference_find(&m[0], &m[1], &difference_ms, &spread_ms);
		if (agree <= p->compared)
			continue;
		p->compared = agree;
		p->spread_ms = spread_ms + MEETING_MS;
		p->shifted_ms = p->is_synced ? 0 : difference_ms;
	}
	p->offset_ms += p->shifted_ms;
	free(m);
}

/* Of a log with starts without end the last ones: who wrote it may have meant to keep us busy. */
static bool is_compared(const struct chronicle *r, unsigned index)
{
	unsigned later = 0;

	for (unsigned i = index + 1; i < r->process_count && later < COMPARED_MAX; i++)
		later += r->processes[i].log == r->processes[index].log;
	return later < COMPARED_MAX;
}

/* --- the story --------------------------------------------------------------------------------------- */

static int entry_compare(const void *a, const void *b)
{
	const struct chronicle_entry *x = a, *y = b;

	if (x->date_ms != y->date_ms)
		return x->date_ms < y->date_ms ? -1 : 1;
	if (x->log != y->log)
		return x->log < y->log ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

void chronicle_align(struct chronicle *r)
{
	for (unsigned i = 0; i < r->process_count; i++)
		process_settle(r, i);
	for (unsigned i = 0; i < r->process_count; i++)
		if (r->processes[i].log && is_compared(r, i))
			process_compare(r, i);
	for (size_t i = 0; i < r->entry_count; i++) {
		struct chronicle_entry *e = &r->entries[i];
		struct chronicle_process *p = &r->processes[e->process];

		e->date_ms = story_ms(r, e);
		e->order = i;
		p->first_ms = !p->first_ms || e->date_ms < p->first_ms ? e->date_ms : p->first_ms;
		p->last_ms = e->date_ms > p->last_ms ? e->date_ms : p->last_ms;
		struct chronicle_log *l = &r->logs[e->log];
		l->until_ms = e->date_ms > l->until_ms ? e->date_ms : l->until_ms;
	}
	if (r->entry_count)
		qsort(r->entries, r->entry_count, sizeof(r->entries[0]), entry_compare);
}
