/*
 * Rules of a link about routes: accept and announce. On a babel link a neighbour is
 * known by its address, and all are told the same; between members it is known by the
 * name in its certificate.
 */
#include "meshd/config/check_link.h"

_Static_assert(RULE_NAME_MAX == NAME_MAX_LEN + 1, "a rule names whoever has a certificate");

/* NULL, or what is wrong with the neighbour that the rule names. */
static const char *neighbour_wrong(const struct rule *r, bool is_in, bool is_plain)
{
	bool has_address = r->from.family != FAMILY_NONE, has_name = r->name[0];

	if (!has_address && !has_name)
		return NULL;
	if (is_plain && !is_in)
		return "names a neighbour, but all of a babel link are told the same; remove it";
	if (is_plain && has_name)
		return "names a member, but nobody on a babel link has proven to be one; write from and its "
		       "link-local address, as \"from fe80::1\"";
	if (has_address)
		return "names an address, but members are known by name; write it, as \"from relay-2\"";
	if (is_in && r->is_to)
		return "says who is told, which is for announce; write from";
	if (!is_in && !r->is_to)
		return "says who has told, which is for accept; write to";
	return NULL;
}

static int take_rules(struct rule rules[CONFIG_RULE_MAX], unsigned *count, char **texts, unsigned text_count,
	bool is_in, bool is_plain, const struct link_check *l)
{
	const struct outline_list *at = is_in ? &l->at->accept : &l->at->announce;

	*count = 0;
	for (unsigned i = 0; i < text_count; i++) {
		const char *wrong = rule_parse(&rules[i], texts[i]);

		if (!wrong)
			wrong = neighbour_wrong(&rules[i], is_in, is_plain);
		if (wrong)
			return complain(l->complaint, at->line[i], "%s: rule \"%.80s\" %s", l->who, texts[i], wrong);
		*count = i + 1;
	}
	return 0;
}

int check_policy(struct config_link *link, const struct link_check *l)
{
	const struct file_link *text = l->text;
	bool is_plain = link->type == CONFIG_BABEL;
	int error = take_rules(link->accept, &link->accept_count, text->accept, text->accept_count, true, is_plain, l);

	if (!error)
		error = take_rules(link->announce, &link->announce_count, text->announce, text->announce_count, false,
			is_plain, l);
	return error;
}
