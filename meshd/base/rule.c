/* Rules about prefixes: words in, a decision out (rule.h). */
#include "meshd/base/rule.h"

#include "meshd/base/digits.h"

#include <errno.h>
#include <string.h>

#define WORDS_MAX 8
#define WORD_MAX 64
#define COST_MAX 32767 /* half of infinity, as for links */

struct words {
	char word[WORDS_MAX][WORD_MAX];
	unsigned count, at;
};

/* False: too many, or too long. */
static bool words_split(struct words *w, const char *text)
{
	*w = (struct words){ 0 };
	for (;;) {
		text += strspn(text, " ");
		size_t len = strcspn(text, " ");

		if (len == 0)
			return true;
		if (w->count == WORDS_MAX || len >= WORD_MAX)
			return false;
		memcpy(w->word[w->count++], text, len);
		text += len;
	}
}

static const char *word_now(const struct words *w)
{
	return w->at < w->count ? w->word[w->at] : "";
}

static bool word_take(struct words *w, const char *word)
{
	bool is_it = strcmp(word_now(w), word) == 0;

	w->at += is_it;
	return is_it;
}

static const char *prefix_take(struct rule *r, struct words *w)
{
	if (word_take(w, "any")) {
		r->is_any = true;
		r->high = 128;
		return NULL;
	}
	switch (prefix_parse(&r->prefix, word_now(w))) {
	case 0:
		w->at++;
		r->low = r->prefix.plen;
		r->high = (uint8_t)family_bits(r->prefix.address.family);
		return NULL;
	case -EDOM:
		return "has bits set beyond its length; write the network's own address, as 10.1.0.0/16";
	default:
		return "names no prefix; write 10.1.0.0/16, fd12::/32 or any";
	}
}

static const char *lengths_take(struct rule *r, struct words *w)
{
	const char *at = word_now(w);
	unsigned low, high, most = r->is_any ? 128 : family_bits(r->prefix.address.family);

	if (*at < '0' || *at > '9')
		return NULL;
	if (!digits_take(&at, most, &low))
		return "has a length beyond its family's; write one length (24), or two (16-24)";
	high = low;
	if (*at == '-') {
		at++;
		if (!digits_take(&at, most, &high))
			return "has a range of lengths that is none; write the shorter and the longer, as 16-24";
	}
	if (*at || high < low || (!r->is_any && low < r->prefix.plen))
		return "has a range of lengths that is none; write lengths not below the prefix's own, as 16-24";
	r->low = (uint8_t)low;
	r->high = (uint8_t)high;
	w->at++;
	return NULL;
}

static const char *cost_take(struct rule *r, struct words *w)
{
	const char *at = word_now(w);
	unsigned cost;

	if (*at != '+')
		return NULL;
	at++;
	if (!digits_take(&at, COST_MAX, &cost) || *at)
		return "has a cost that is none; write +1 to +32767, as +96";
	if (r->is_deny)
		return "adds a cost to what it denies; remove one of the two";
	r->cost = (uint16_t)cost;
	w->at++;
	return NULL;
}

static const char *neighbour_take(struct rule *r, struct words *w)
{
	const char *who;

	r->is_to = word_take(w, "to");
	if (!r->is_to && !word_take(w, "from"))
		return NULL;
	who = word_now(w);
	if (address_parse(&r->from, who) == 0) {
		if (r->is_to || !address_is_link_local(&r->from))
			return "names no neighbour; write from and its link-local address, as \"from fe80::1\"";
	} else if (*who && strlen(who) < sizeof(r->name)) {
		strcpy(r->name, who);
	} else {
		return "names no neighbour; write from or to, and the name of a member, as \"from relay-2\"";
	}
	w->at++;
	return NULL;
}

const char *rule_parse(struct rule *out, const char *text)
{
	struct words w;
	struct rule r = { 0 };
	const char *wrong;

	if (!words_split(&w, text))
		return "has too many words; write [allow|deny] PREFIX [16-24] [+COST] [from NEIGHBOUR]";
	r.is_deny = word_take(&w, "deny");
	if (!r.is_deny)
		word_take(&w, "allow");
	wrong = prefix_take(&r, &w);
	if (!wrong)
		wrong = lengths_take(&r, &w);
	if (!wrong)
		wrong = cost_take(&r, &w);
	if (!wrong)
		wrong = neighbour_take(&r, &w);
	if (!wrong && w.at < w.count)
		wrong = "says more than a rule can; write [allow|deny] PREFIX [16-24] [+COST] [from NEIGHBOUR]";
	if (!wrong)
		*out = r;
	return wrong;
}

bool rule_matches(const struct rule *r, const struct prefix *prefix, const struct address *from, const char *name)
{
	if (r->from.family != FAMILY_NONE && !(from && address_equal(&r->from, from)))
		return false;
	if (r->name[0] && !(name && strcmp(r->name, name) == 0))
		return false;
	if (prefix->plen < r->low || prefix->plen > r->high)
		return false;
	return r->is_any || prefix_contains(&r->prefix, prefix);
}

const struct rule *rules_find(const struct rule *rules, unsigned count, const struct prefix *prefix,
	const struct address *from, const char *name)
{
	for (unsigned i = 0; i < count; i++)
		if (rule_matches(&rules[i], prefix, from, name))
			return &rules[i];
	return NULL;
}

bool rule_equal(const struct rule *a, const struct rule *b)
{
	return a->is_deny == b->is_deny && a->is_any == b->is_any && prefix_equal(&a->prefix, &b->prefix) &&
	       a->low == b->low && a->high == b->high && a->cost == b->cost && address_equal(&a->from, &b->from) &&
	       strcmp(a->name, b->name) == 0 && a->is_to == b->is_to;
}

bool rules_equal(const struct rule *a, unsigned a_count, const struct rule *b, unsigned b_count)
{
	bool is_same = a_count == b_count;

	for (unsigned i = 0; i < a_count && is_same; i++)
		is_same = rule_equal(&a[i], &b[i]);
	return is_same;
}
