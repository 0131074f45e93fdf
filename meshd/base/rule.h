/*
 * Rules about prefixes, in the order in which an operator wrote them: the first
 * that matches decides.
 *
 *   rule := [allow|deny] (PREFIX [LENGTH | LOW-HIGH] | any) [+COST] [from ADDRESS | from NAME | to NAME]
 *
 * A prefix stands for itself and everything inside of it; a length or a range of
 * lengths narrows that down. `any` is everything of both families.
 */
#ifndef MESHD_BASE_RULE_H
#define MESHD_BASE_RULE_H

#include "meshd/base/address.h"

#define RULE_NAME_MAX 33 /* with its NUL: as in certificates */

struct rule {
	bool is_deny;
	bool is_any;
	struct prefix prefix; /* unless is_any */
	uint8_t low, high; /* lengths that match, both included */
	uint16_t cost; /* added to what is allowed */
	struct address from; /* FAMILY_NONE: whoever says it */
	char name[RULE_NAME_MAX]; /* of the member who says it, or is told; "": whoever */
	bool is_to; /* `name` is who is told */
};

/* NULL, or what is wrong with the text and what to write instead. */
const char *rule_parse(struct rule *out, const char *text);
/* The neighbour's address and its name may be NULL: they are not known, and no rule that has one matches. */
bool rule_matches(const struct rule *r, const struct prefix *prefix, const struct address *from, const char *name);
/* The first that matches; NULL: none. */
const struct rule *rules_find(const struct rule *rules, unsigned count, const struct prefix *prefix,
	const struct address *from, const char *name);
bool rule_equal(const struct rule *a, const struct rule *b);
/* The same rules in the same order. */
bool rules_equal(const struct rule *a, unsigned a_count, const struct rule *b, unsigned b_count);

#endif
