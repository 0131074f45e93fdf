/*
 * A rule about routes of the kernel: one about prefixes (meshd/base/rule.h), and words
 * about the route, in any order and anywhere behind the prefix.
 *
 *   10.60.0.0/16 proto static dev eth2 metric 100 +96
 */
#include "meshd/config/check.h"

#include <errno.h>
#include <string.h>

#define TEXT_MAX 160
#define WORD_MAX 32

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	/* As iproute2 has them. */
	{ "kernel", 2 },
	{ "boot", 3 },
	{ "static", 4 },
	{ "ra", 9 },
	{ "zebra", 11 },
	{ "bird", 12 },
	{ "dhcp", 16 },
	{ "babel", 42 },
	{ "bgp", 186 },
	{ "isis", 187 },
	{ "ospf", 188 },
	{ "rip", 189 },
	{ "eigrp", 192 },
};

static const char *take_protocol(struct kernel_rule *out, const char *word)
{
	unsigned number;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(protocols[i].name, word) == 0) {
			out->protocol = protocols[i].number;
			return NULL;
		}
	}
	if (number_read(&number, word, 1, UINT8_MAX) < 0)
		return "has a protocol that is none; write kernel, boot, static, ra, dhcp, bird, zebra, bgp, ospf or a "
		       "number";
	out->protocol = (uint8_t)number;
	return NULL;
}

static const char *take_device(struct kernel_rule *out, const char *word)
{
	if (!interface_is_valid(word))
		return "names no interface behind dev; see \"ip link\" for those of this box";
	text_copy(out->interface, sizeof(out->interface), word);
	return NULL;
}

static const char *take_metric(struct kernel_rule *out, const char *word)
{
	unsigned metric;

	if (number_read(&metric, word, 0, INT32_MAX) < 0)
		return "has a metric that is no number; write that of the kernel's route, as metric 100";
	out->has_metric = true;
	out->metric = metric;
	return NULL;
}

static const struct {
	const char *word;
	const char *(*take)(struct kernel_rule *out, const char *word);
} words[] = { { "proto", take_protocol }, { "dev", take_device }, { "metric", take_metric } };

/* The next word of `text`, which is moved behind it; empty at the end. False: too long. */
static bool word_next(const char **text, char word[WORD_MAX])
{
	*text += strspn(*text, " ");
	size_t len = strcspn(*text, " ");

	if (len >= WORD_MAX)
		return false;
	memcpy(word, *text, len);
	word[len] = '\0';
	*text += len;
	return true;
}

const char *kernel_rule_read(struct kernel_rule *out, const char *text)
{
	char rest[TEXT_MAX] = "", word[WORD_MAX], value[WORD_MAX];
	const char *wrong = NULL;

	memset(out, 0, sizeof(*out));
	if (strlen(text) >= sizeof(rest))
		return "is too long; write PREFIX [16-24] [proto NAME] [dev INTERFACE] [metric N] [+COST]";
	while (!wrong && word_next(&text, word) && *word) {
		size_t i = 0, count = sizeof(words) / sizeof(words[0]);

		while (i < count && strcmp(words[i].word, word) != 0)
			i++;
		if (i == count) {
			strcat(strcat(rest, *rest ? " " : ""), word);
			continue;
		}
		wrong = word_next(&text, value) && *value ? words[i].take(out, value)
							  : "ends behind its last word; say what it is";
	}
	if (!wrong)
		wrong = *text ? "has a word that is too long; write PREFIX [16-24] [proto NAME] [dev INTERFACE]"
			      : rule_parse(&out->rule, rest);
	if (!wrong && (out->rule.from.family != FAMILY_NONE || out->rule.name[0]))
		wrong = "names a neighbour, but a kernel has none; remove it";
	return wrong;
}
