/* Rules about packets: words in, a decision out (traffic.h). */
#include "meshd/base/traffic.h"

#include "meshd/base/digits.h"

#include <errno.h>
#include <string.h>

#define WORD_MAX 64
#define PROTOCOL_ICMP 1
#define PROTOCOL_ICMPV6 58
#define DSCP_MAX 63

static const char *const class_names[TRAFFIC_CLASSES] = { "text", "command", "bulk" };

const char *traffic_class_name(unsigned class)
{
	return class < TRAFFIC_CLASSES ? class_names[class] : "?";
}

int traffic_class_parse(unsigned *out, const char *text)
{
	for (unsigned i = 0; i < TRAFFIC_CLASSES; i++)
		if (strcmp(class_names[i], text) == 0) {
			*out = i;
			return 0;
		}
	return -EINVAL;
}

/* --- reading ----------------------------------------------------------------------------- */

struct text_words {
	const char *rest;
	char word[WORD_MAX]; /* the current one; "" at the end */
	bool is_long; /* ... or it has no room */
};

static void word_next(struct text_words *w)
{
	w->rest += strspn(w->rest, " ");
	size_t len = strcspn(w->rest, " ");

	w->is_long |= len >= WORD_MAX;
	len = len < WORD_MAX ? len : 0;
	memcpy(w->word, w->rest, len);
	w->word[len] = '\0';
	w->rest += len;
}

static bool word_take(struct text_words *w, const char *word)
{
	if (strcmp(w->word, word) != 0)
		return false;
	word_next(w);
	return true;
}

/* The whole word. */
static bool number_read(const char *word, unsigned most, unsigned *out)
{
	return digits_take(&word, most, out) && !*word;
}

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "icmp", PROTOCOL_ICMP }, { "tcp", 6 }, { "udp", 17 }, { "gre", 47 }, { "esp", 50 },
	{ "sctp", 132 } };

static bool protocol_read(const char *word, uint8_t *out)
{
	unsigned number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].name, word) == 0) {
			*out = protocols[i].number;
			return true;
		}
	if (!number_read(word, UINT8_MAX, &number))
		return false;
	*out = number == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : (uint8_t)number;
	return true;
}

/* EF, LE, CS0 to CS7, AF11 to AF43, or a number. */
static bool dscp_read(const char *word, uint8_t *out)
{
	unsigned number;
	const char *digits = word + 2;

	if (number_read(word, DSCP_MAX, &number))
		*out = (uint8_t)number;
	else if (strcmp(word, "EF") == 0)
		*out = 46;
	else if (strcmp(word, "LE") == 0)
		*out = 1;
	else if (strncmp(word, "CS", 2) == 0 && number_read(digits, 7, &number))
		*out = (uint8_t)(number * 8);
	else if (strncmp(word, "AF", 2) == 0 && number_read(digits, 43, &number) && number >= 11 && number % 10 >= 1 &&
		 number % 10 <= 3)
		*out = (uint8_t)(number / 10 * 8 + number % 10 * 2);
	else
		return false;
	return true;
}

static const char *prefix_take(struct prefix *out, struct text_words *w)
{
	if (out->address.family != FAMILY_NONE)
		return "has two prefixes of one kind; write a rule for each";
	switch (prefix_parse(out, w->word)) {
	case 0:
		word_next(w);
		return NULL;
	case -EDOM:
		return "has a prefix with bits set beyond its length; write the network's own address, as 10.1.0.0/16";
	default:
		return "has no prefix behind from or to; write 10.1.0.0/16 or fd12::/32";
	}
}

static const char *ports_take(struct traffic_rule *r, struct text_words *w)
{
	const char *at = w->word;
	unsigned low = 0, high;
	bool is_good = digits_take(&at, UINT16_MAX, &low);

	high = low;
	if (is_good && *at == '-') {
		at++;
		is_good = digits_take(&at, UINT16_MAX, &high);
	}
	if (!is_good || *at || high < low)
		return "has no port behind port; write one (5060), or the lower and the higher (5060-5080)";
	r->has_ports = true;
	r->port_low = (uint16_t)low;
	r->port_high = (uint16_t)high;
	word_next(w);
	return NULL;
}

static const char *dscp_take(struct traffic_rule *r, struct text_words *w)
{
	if (!dscp_read(w->word, &r->dscp))
		return "has no DSCP behind dscp; write EF, LE, CS0 to CS7, AF11 to AF43, or 0 to 63";
	r->has_dscp = true;
	word_next(w);
	return NULL;
}

static const char *condition_take(struct traffic_rule *r, struct text_words *w)
{
	struct prefix prefix;

	if (word_take(w, "from"))
		return prefix_take(&r->from, w);
	if (word_take(w, "to"))
		return prefix_take(&r->to, w);
	if (word_take(w, "port"))
		return r->has_ports ? "has two ports; write a rule for each" : ports_take(r, w);
	if (word_take(w, "dscp"))
		return r->has_dscp ? "has two DSCPs; write a rule for each" : dscp_take(r, w);
	if (prefix_parse(&prefix, w->word) != -EINVAL)
		return prefix_take(&r->either, w);
	if (!protocol_read(w->word, &r->protocol))
		return "has a word that is none; write CLASS [PREFIX] [from PREFIX] [to PREFIX] [tcp|udp|icmp|NUMBER] "
		       "[port 5060-5080] [dscp EF], or CLASS any";
	if (r->has_protocol)
		return "has two protocols; write a rule for each";
	r->has_protocol = true;
	word_next(w);
	return NULL;
}

bool traffic_protocol_has_ports(uint8_t protocol)
{
	switch (protocol) {
	case 6: /* TCP */
	case 17: /* UDP */
	case 33: /* DCCP */
	case 132: /* SCTP */
	case 136: /* UDP-Lite */
		return true;
	default:
		return false;
	}
}

const char *traffic_rule_parse(struct traffic_rule *out, const char *text)
{
	struct text_words w = { .rest = text };
	struct traffic_rule r = { 0 };
	const char *wrong = NULL;
	unsigned class = 0;

	word_next(&w);
	if (traffic_class_parse(&class, w.word) < 0)
		return "begins with no class; write command, text or bulk, and then which packets";
	r.class = (uint8_t) class;
	word_next(&w);
	if (!*w.word && !w.is_long)
		return "does not say which packets; write any for all of them";
	if (word_take(&w, "any") && *w.word)
		return "says more than any; remove any";
	while (!wrong && *w.word)
		wrong = condition_take(&r, &w);
	if (!wrong && w.is_long)
		wrong = "has a word that is too long";
	if (!wrong && r.has_ports && r.has_protocol && !traffic_protocol_has_ports(r.protocol))
		wrong = "has a port of a protocol without ports; write tcp or udp, or remove the protocol";
	if (!wrong)
		*out = r;
	return wrong;
}

/* --- matching ------------------------------------------------------------------------------ */

static bool port_is_in(const struct traffic_rule *r, uint16_t port)
{
	return port >= r->port_low && port <= r->port_high;
}

/* Everything is within a prefix that the rule does not state. */
static bool is_within(const struct prefix *stated, const struct address *a)
{
	return stated->address.family == FAMILY_NONE || prefix_contains_address(stated, a);
}

bool traffic_rule_matches(const struct traffic_rule *r, const struct traffic_key *key)
{
	uint8_t protocol = key->protocol == PROTOCOL_ICMPV6 ? PROTOCOL_ICMP : key->protocol;

	if (r->has_dscp && r->dscp != key->dscp)
		return false;
	if (r->has_protocol && !(key->has_protocol && r->protocol == protocol))
		return false;
	if (r->has_ports &&
		!(key->has_ports && (port_is_in(r, key->source_port) || port_is_in(r, key->destination_port))))
		return false;
	if (!is_within(&r->from, &key->source) || !is_within(&r->to, &key->destination))
		return false;
	return is_within(&r->either, &key->source) || is_within(&r->either, &key->destination);
}
