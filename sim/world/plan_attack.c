/*
 * Attacks of a plan. Who is at a link: delay, replay, garble, flood. Who has a node's keys:
 * malform, announce.
 */
#include "sim/world/plan_read.h"

#include <errno.h>
#include <string.h>

#define RATE_MAX 1000000 /* frames a second */
#define COUNT_MAX 65536 /* /64s in a /48 */

static const struct {
	const char *name, *example;
	bool is_node; /* whose attack it is: a node's, or somebody's at a link */
} kinds[] = {
	[ATTACK_DELAY] = { "delay", "link: radio, by: 60", false },
	[ATTACK_REPLAY] = { "replay", "link: radio, of: data, rate: 100", false },
	[ATTACK_GARBLE] = { "garble", "link: radio, of: all, rate: 100", false },
	[ATTACK_FLOOD] = { "flood", "link: radio, node: relay, sources: many, rate: 10000", false },
	[ATTACK_MALFORM] = { "malform", "node: relay, rate: 100", true },
	[ATTACK_ANNOUNCE] = { "announce", "node: relay, count: 65536, rate: 500", true },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

const char *plan_attack_name(enum plan_attack_kind kind)
{
	return kinds[kind].name;
}

static int kind_read(struct plan_reading *r, int i, const struct plan_text_attack *text, struct plan_attack *a)
{
	size_t k = 0;

	if (!plan_name_is_good(text->name, PLAN_NAME_MAX))
		return outline_complain(&r->outline, "attacks", i, "name",
			"an attack needs a name of 1 to 31 letters, digits, . _ or -");
	snprintf(a->name, sizeof(a->name), "%s", text->name);
	while (k < KINDS && (!text->kind || strcmp(kinds[k].name, text->kind) != 0))
		k++;
	if (k == KINDS)
		return outline_complain(&r->outline, "attacks", i, "do",
			"attack \"%s\": do is delay, replay, garble, flood, malform or announce, not \"%.40s\"",
			a->name, text->kind ? text->kind : "");
	a->kind = (enum plan_attack_kind)k;
	return 0;
}

static int place_read(struct plan_reading *r, int i, const struct plan_text_attack *text, struct plan_attack *a)
{
	int link = text->link ? plan_find_link(r->plan, text->link, strlen(text->link)) : -1;

	a->node = text->node ? plan_find_node(r->plan, text->node, strlen(text->node)) : -1;
	a->link = (unsigned)link;
	if (text->node && a->node < 0)
		return outline_complain(&r->outline, "attacks", i, "node",
			"attack \"%s\": there is no node \"%.40s\"; name one of nodes:", a->name, text->node);
	if (text->link && link < 0)
		return outline_complain(&r->outline, "attacks", i, "link",
			"attack \"%s\": there is no link \"%.40s\"; name one of links:", a->name, text->link);
	if (kinds[a->kind].is_node ? a->node >= 0 && link < 0 : link >= 0 && (a->kind != ATTACK_FLOOD || a->node >= 0))
		return 0;
	return outline_complain(&r->outline, "attacks", i, NULL, "attack \"%s\" does not say where; write do: %s, %s",
		a->name, kinds[a->kind].name, kinds[a->kind].example);
}

static int times_read(struct plan_reading *r, int i, const struct plan_text_attack *text, struct plan_attack *a)
{
	a->until_us = r->plan->duration_us;
	if ((text->from && link_duration_parse(&a->from_us, text->from)) ||
		(text->until && link_duration_parse(&a->until_us, text->until)) || a->from_us >= a->until_us ||
		a->until_us > r->plan->duration_us)
		return outline_complain(&r->outline, "attacks", i, NULL,
			"attack \"%s\": it must begin before it ends, and end with the plan at the latest; write from: "
			"10, until: 20",
			a->name);
	return 0;
}

/* "data", "handshakes" and so on; -1: none of them. */
static int word_of(const char *text, const char *const words[], int count)
{
	for (int i = 0; i < count; i++)
		if (text && strcmp(text, words[i]) == 0)
			return i;
	return -1;
}

static int amount_read(struct plan_reading *r, int i, const struct plan_text_attack *text, struct plan_attack *a)
{
	static const char *const preys[] = { "all", "data", "handshakes" }, *const sources[] = { "one", "many" };
	unsigned rate = plan_number_of(text->rate, RATE_MAX);
	int prey = text->of ? word_of(text->of, preys, 3) : PREY_ALL, spoofed = word_of(text->sources, sources, 2);
	bool is_good =
		a->kind == ATTACK_DELAY ? text->by && !link_duration_parse(&a->by_us, text->by) && a->by_us : rate > 0;

	a->count = plan_number_of(text->count, COUNT_MAX);
	is_good &= (a->kind == ATTACK_GARBLE || !text->of == (a->kind != ATTACK_REPLAY)) && prey >= 0;
	is_good &= !text->sources == (a->kind != ATTACK_FLOOD) && (!text->sources || spoofed >= 0);
	is_good &= !text->count == (a->kind != ATTACK_ANNOUNCE) && (!text->count || a->count);
	is_good &= !text->by == (a->kind != ATTACK_DELAY) && !text->rate == (a->kind == ATTACK_DELAY);
	if (!is_good)
		return outline_complain(&r->outline, "attacks", i, NULL,
			"attack \"%s\" says too much or too little; write do: %s, %s", a->name, kinds[a->kind].name,
			kinds[a->kind].example);
	a->prey = (enum plan_prey)prey;
	a->is_spoofed = spoofed == 1;
	a->every_us = rate ? RATE_MAX / rate : 0;
	return 0;
}

/* What is announced lies inside of a prefix that the certificate names. */
static int prefix_read(struct plan_reading *r, int i, const struct plan_attack *a)
{
	const struct plan_node *n = a->kind == ATTACK_ANNOUNCE ? &r->plan->nodes[a->node] : NULL;

	if (!n || (n->prefix_count && n->prefixes[0].address.family == FAMILY_IPV6 && n->prefixes[0].plen <= 48))
		return 0;
	return outline_complain(&r->outline, "attacks", i, "node",
		"attack \"%s\": node \"%s\" may announce nothing; write prefixes: [\"fd99::/48\"] for it", a->name,
		n->name);
}

/* Flood: to an end of the link. */
static int target_read(struct plan_reading *r, int i, const struct plan_attack *a)
{
	const struct plan_link *l = kinds[a->kind].is_node ? NULL : &r->plan->links[a->link];

	for (unsigned e = 0; l && e < l->end_count; e++)
		if ((int)l->ends[e].node == a->node)
			return 0;
	if (!l || a->node < 0)
		return 0;
	return outline_complain(&r->outline, "attacks", i, "node", "attack \"%s\": node \"%s\" is not on link \"%s\"",
		a->name, r->plan->nodes[a->node].name, l->name);
}

int plan_attack_read(struct plan_reading *r, int i)
{
	const struct plan_text_attack *text = &r->text->attacks[i];
	struct plan_attack *a = &r->plan->attacks[r->plan->attack_count++];
	int error = kind_read(r, i, text, a);

	if (!error)
		error = place_read(r, i, text, a);
	if (!error)
		error = times_read(r, i, text, a);
	if (!error)
		error = amount_read(r, i, text, a);
	if (!error)
		error = prefix_read(r, i, a);
	return error ? error : target_read(r, i, a);
}
