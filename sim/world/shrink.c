/*
 * What is left out, from large to small, round after round until a whole round
 * finds nothing:
 *
 *   time ─► nodes ─► links, events, attacks, traffic, expectations ─► ways ─► fields ─┐
 *     ▲                                                                               │
 *     └───────────────────────────── something was found ─────────────────────────────┘
 *
 * Of lists first halves go, then quarters, down to single entries.
 */
#include "sim/world/shrink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- lists ------------------------------------------------------------------------ */

static unsigned list_count(const struct shrink *s, const char *key)
{
	const struct sheet *list = sheet_get(s->best, key);

	return list && list->kind == SHEET_LIST ? list->count : 0;
}

static bool list_cut(struct shrink *s, const char *key, unsigned first, unsigned count)
{
	struct sheet *candidate = sheet_copy(s->best);

	sheet_cut(sheet_get(candidate, key), first, count);
	return shrink_try(s, candidate);
}

static void list_shrink(struct shrink *s, const char *key)
{
	for (unsigned chunk = list_count(s, key); chunk && !shrink_is_late(s); chunk /= 2) {
		unsigned end = list_count(s, key);

		/* From behind: what happens late matters least to what came before. */
		while (end && !shrink_is_late(s)) {
			unsigned count = chunk < end ? chunk : end;

			list_cut(s, key, end - count, count);
			end -= count;
			if (end > list_count(s, key))
				end = list_count(s, key);
		}
	}
}

/* --- nodes --------------------------------------------------------------------------- */

/* Does a word name the node: "n1:eth0", "power-off n1", "n1"? */
static bool word_names(const char *word, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = strstr(word, name); at; at = strstr(at + 1, name))
		if ((at == word || at[-1] == ' ') && (at[len] == '\0' || at[len] == ' ' || at[len] == ':'))
			return true;
	return false;
}

/* Of the lists in an entry, as ends of a link, the items go that name it; the reader judges what is left. */
static void entry_forget(struct sheet *entry, const char *name)
{
	for (unsigned i = 0; i < entry->count; i++) {
		struct sheet *list = entry->parts[i];

		for (unsigned k = list->count; list->kind == SHEET_LIST && k > 0; k--)
			if (list->parts[k - 1]->kind == SHEET_WORD && word_names(list->parts[k - 1]->word, name))
				sheet_cut(list, k - 1, 1);
		if (list->kind == SHEET_LIST && !list->count) {
			sheet_cut(entry, i, 1);
			i--;
		}
	}
}

static bool node_cut(struct shrink *s, unsigned n)
{
	struct sheet *candidate = sheet_copy(s->best), *nodes = sheet_get(candidate, "nodes");
	const char *word = sheet_word(nodes->parts[n], "name");
	char name[PLAN_NAME_MAX];

	snprintf(name, sizeof(name), "%s", word ? word : "");
	sheet_cut(nodes, n, 1);
	for (unsigned i = 0; i < candidate->count; i++)
		for (unsigned k = 0; candidate->parts[i]->kind == SHEET_LIST && k < candidate->parts[i]->count; k++)
			if (candidate->parts[i] != nodes)
				entry_forget(candidate->parts[i]->parts[k], name);
	return shrink_try(s, candidate);
}

static void nodes_shrink(struct shrink *s)
{
	for (unsigned n = list_count(s, "nodes"); n > 0 && !shrink_is_late(s); n--)
		if (n <= list_count(s, "nodes"))
			node_cut(s, n - 1);
}

/* "gone:eth0" becomes "kept:eth0", as often as it stands there. */
static void word_rename(struct sheet *s, const char *gone, const char *kept)
{
	char renamed[256];
	size_t out = 0;

	for (const char *at = s->word; *at && out + 1 < sizeof(renamed);) {
		size_t len = strcspn(at, " ") + strspn(at + strcspn(at, " "), " ");
		size_t name = strlen(gone);
		bool is_it = strncmp(at, gone, name) == 0 && at[name] == ':';

		out += (size_t)snprintf(renamed + out, sizeof(renamed) - out, "%s%.*s", is_it ? kept : "",
			(int)(len - (is_it ? name : 0)), at + (is_it ? name : 0));
		at += len;
	}
	if (out < sizeof(renamed))
		sheet_reword(s, renamed);
}

/* What ends in one node ends in the other; the link between them, which now ends twice in one, goes by itself. */
static void nodes_merge(struct shrink *s, const char *gone, const char *kept)
{
	struct sheet *candidate = sheet_copy(s->best);
	struct sheet *nodes = sheet_get(candidate, "nodes"), *links = sheet_get(candidate, "links");

	for (unsigned n = nodes->count; n > 0; n--)
		if (strcmp(sheet_word(nodes->parts[n - 1], "name"), gone) == 0)
			sheet_cut(nodes, n - 1, 1);
	for (unsigned l = 0; l < links->count; l++)
		for (unsigned i = 0; i < links->parts[l]->count; i++)
			for (unsigned k = 0; k < links->parts[l]->parts[i]->count; k++)
				if (links->parts[l]->parts[i]->parts[k]->kind == SHEET_WORD)
					word_rename(links->parts[l]->parts[i]->parts[k], gone, kept);
	shrink_try(s, candidate);
}

static bool end_name(const struct sheet *link, unsigned end, char name[PLAN_NAME_MAX])
{
	const struct sheet *ends = sheet_get(link, "ends");
	const char *word = ends && end < ends->count ? ends->parts[end]->word : NULL;

	if (!word || strcspn(word, ":") >= PLAN_NAME_MAX)
		return false;
	snprintf(name, PLAN_NAME_MAX, "%.*s", (int)strcspn(word, ":"), word);
	return true;
}

/* A way of three links may be one of two. */
static void ways_shrink(struct shrink *s)
{
	char a[PLAN_NAME_MAX], b[PLAN_NAME_MAX];

	for (unsigned l = list_count(s, "links"); l > 0 && !shrink_is_late(s); l--)
		for (unsigned way = 0; way < 2; way++)
			if (l <= list_count(s, "links") && end_name(sheet_get(s->best, "links")->parts[l - 1], 0, a) &&
				end_name(sheet_get(s->best, "links")->parts[l - 1], 1, b))
				nodes_merge(s, way ? a : b, way ? b : a);
}

/* --- fields and time -------------------------------------------------------------------- */

/* What an entry need not say, and what a list in it need not hold. The limits of expectations are what fails: they
 * stay as they are. */
static bool field_cut(struct shrink *s, unsigned list, unsigned entry, unsigned field, int item)
{
	struct sheet *candidate = sheet_copy(s->best);
	struct sheet *at = candidate->parts[list]->parts[entry];

	if (item < 0)
		sheet_cut(at, field, 1);
	else
		sheet_cut(at->parts[field], (unsigned)item, 1);
	return shrink_try(s, candidate);
}

/* What is cut takes with it what makes no sense any more: the entry may be gone. */
static const struct sheet *field_at(const struct shrink *s, unsigned list, unsigned entry, unsigned field)
{
	const struct sheet *l = list < s->best->count ? s->best->parts[list] : NULL;
	const struct sheet *e = l && l->kind == SHEET_LIST && entry < l->count ? l->parts[entry] : NULL;

	return e && e->kind == SHEET_MAP && field < e->count ? e->parts[field] : NULL;
}

static void entry_shrink(struct shrink *s, unsigned list, unsigned entry)
{
	for (unsigned field = s->best->parts[list]->parts[entry]->count; field > 0 && !shrink_is_late(s); field--) {
		const struct sheet *value = field_at(s, list, entry, field - 1);

		if (!value || strcmp(value->key, "name") == 0 || field_cut(s, list, entry, field - 1, -1))
			continue;
		for (unsigned item = value->kind == SHEET_LIST ? value->count : 0; item > 0; item--) {
			value = field_at(s, list, entry, field - 1);
			if (value && value->kind == SHEET_LIST && item <= value->count)
				field_cut(s, list, entry, field - 1, (int)item - 1);
		}
	}
}

static void fields_shrink(struct shrink *s)
{
	for (unsigned list = 0; list < s->best->count; list++) {
		if (strcmp(s->best->parts[list]->key, "expect") == 0 || s->best->parts[list]->kind != SHEET_LIST)
			continue;
		for (unsigned entry = s->best->parts[list]->count; entry > 0 && !shrink_is_late(s); entry--)
			if (entry <= s->best->parts[list]->count &&
				s->best->parts[list]->parts[entry - 1]->kind == SHEET_MAP)
				entry_shrink(s, list, entry - 1);
	}
}

/* A shorter time, and nothing in it that comes later. */
static void time_shrink(struct shrink *s)
{
	for (unsigned parts = 2; parts <= 32 && !shrink_is_late(s); parts *= 2) {
		const char *word = sheet_word(s->best, "for");
		char *unit = NULL, shorter[64];
		double now = word ? strtod(word, &unit) : 0;
		double then = (double)(unsigned long)(now * (parts - 1) / parts + .999);

		if (!word || then < 1 || then >= now)
			continue;
		struct sheet *candidate = sheet_copy(s->best);
		snprintf(shorter, sizeof(shorter), "%.0f%.8s", then, unit);
		sheet_set(candidate, "for", shorter);
		if (shrink_try(s, candidate))
			parts = 1;
	}
}

static void head_cut(struct shrink *s, const char *key)
{
	unsigned k = 0;

	while (k < s->best->count && strcmp(s->best->parts[k]->key, key) != 0)
		k++;
	if (k == s->best->count)
		return;
	struct sheet *candidate = sheet_copy(s->best);
	sheet_cut(candidate, k, 1);
	shrink_try(s, candidate);
}

/* What holds for the whole world. */
static void head_shrink(struct shrink *s)
{
	static const char *const keys[] = { "faults", "acquainted", "linger" };

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]) && !shrink_is_late(s); i++)
		head_cut(s, keys[i]);
}

void shrink_run(struct shrink *s)
{
	static const char *const lists[] = { "links", "events", "attacks", "flows", "files", "groups", "expect" };
	unsigned found;

	do {
		found = s->found;
		time_shrink(s);
		head_shrink(s);
		nodes_shrink(s);
		for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
			list_shrink(s, lists[i]);
		ways_shrink(s);
		fields_shrink(s);
	} while (s->found > found && !shrink_is_late(s));
}
