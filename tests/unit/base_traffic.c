/* Rules about packets and their classes: what is said, what is found, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/traffic.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NONE 0xffffu /* no such thing in the packet */

struct seen {
	const char *from, *to;
	unsigned protocol, source, destination, dscp;
};

static const struct seen voice = { "10.7.0.20", "10.1.0.5", 17, 40000, 5062, 0 };
static const struct seen answer = { "10.1.0.5", "10.7.0.20", 17, 5062, 40000, 46 };
static const struct seen fragment = { "10.7.0.20", "10.1.0.5", 17, NONE, NONE, 0 };
static const struct seen cut = { "fd00:1::1", "fd00:2::1", NONE, NONE, NONE, 10 };
static const struct seen ping6 = { "fd00:1::1", "fd00:2::1", 58, NONE, NONE, 0 };

static struct traffic_key key_of(const struct seen *s)
{
	struct traffic_key key = { .dscp = (uint8_t)s->dscp,
		.has_protocol = s->protocol != NONE,
		.protocol = (uint8_t)s->protocol,
		.has_ports = s->source != NONE,
		.source_port = (uint16_t)s->source,
		.destination_port = (uint16_t)s->destination };

	assert_int_equal(address_parse(&key.source, s->from), 0);
	assert_int_equal(address_parse(&key.destination, s->to), 0);
	return key;
}

static bool finds(const char *text, const struct seen *s)
{
	struct traffic_rule rule;
	struct traffic_key key = key_of(s);
	const char *wrong = traffic_rule_parse(&rule, text);

	if (wrong)
		fail_msg("\"%s\" %s", text, wrong);
	return traffic_rule_matches(&rule, &key);
}

static void all_that_a_rule_says_must_be_true(void **state)
{
	static const struct {
		const char *rule;
		const struct seen *packet;
		bool finds;
	} cases[] = {
		{ "bulk any", &voice, true },
		{ "bulk any", &cut, true },
		{ "command udp", &voice, true },
		{ "command tcp", &voice, false },
		{ "command 17", &voice, true },
		{ "command udp port 5062", &voice, true },
		{ "command udp port 5062", &answer, true },
		{ "command port 5062-5062", &voice, true },
		{ "command udp port 5000-5061", &voice, false },
		{ "command udp port 40000-65535", &voice, true },
		{ "command port 0-65535", &fragment, false },
		{ "command udp", &fragment, true },
		{ "command udp port 5062", &fragment, false },
		{ "text 10.7.0.0/16", &voice, true },
		{ "text 10.7.0.0/16", &answer, true },
		{ "text from 10.7.0.0/16", &voice, true },
		{ "text from 10.7.0.0/16", &answer, false },
		{ "text to 10.7.0.20", &answer, true },
		{ "text to 10.7.0.20 from 10.1.0.0/24 udp dscp EF port 5062", &answer, true },
		{ "text to 10.7.0.20 from 10.1.0.0/24 udp dscp 0 port 5062", &answer, false },
		{ "text 0.0.0.0/0", &cut, false },
		{ "text ::/0", &cut, true },
		{ "bulk dscp AF11", &cut, true },
		{ "bulk 0", &cut, false },
		{ "bulk icmp", &ping6, true },
		{ "bulk 58", &ping6, true },
		{ "bulk icmp", &voice, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (finds(cases[i].rule, cases[i].packet) != cases[i].finds)
			fail_msg("case %zu: %s", i, cases[i].rule);
}

static void marks_have_names(void **state)
{
	static const struct {
		const char *word;
		uint8_t dscp;
	} cases[] = { { "EF", 46 }, { "LE", 1 }, { "CS0", 0 }, { "CS1", 8 }, { "CS7", 56 }, { "AF11", 10 },
		{ "AF23", 22 }, { "AF43", 38 }, { "0", 0 }, { "63", 63 } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[32] = "text dscp ";
		struct traffic_rule rule;

		strcat(text, cases[i].word);
		assert_null(traffic_rule_parse(&rule, text));
		assert_int_equal(rule.dscp, cases[i].dscp);
	}
}

static void what_is_no_rule_is_refused_with_a_remedy(void **state)
{
	static const struct {
		const char *text, *wrong;
	} cases[] = {
		{ "", "begins with no class" },
		{ "urgent udp", "begins with no class" },
		{ "bulk", "does not say which packets; write any" },
		{ "bulk any udp", "says more than any" },
		{ "bulk any any", "says more than any" },
		{ "bulk from", "has no prefix behind from or to" },
		{ "bulk from any", "has no prefix behind from or to" },
		{ "bulk to 10.1.0.1/16", "bits set beyond its length" },
		{ "bulk 10.1.0.1/16", "bits set beyond its length" },
		{ "bulk from 10.1.0.0/16 from 10.2.0.0/16", "two prefixes of one kind" },
		{ "bulk 10.1.0.0/16 10.2.0.0/16", "two prefixes of one kind" },
		{ "bulk port", "no port behind port" },
		{ "bulk port 80,443", "no port behind port" },
		{ "bulk port 443-80", "no port behind port" },
		{ "bulk port 65536", "no port behind port" },
		{ "bulk port 1-", "no port behind port" },
		{ "bulk port 80 port 81", "two ports" },
		{ "bulk tcp udp", "two protocols" },
		{ "bulk icmp port 80", "a port of a protocol without ports" },
		{ "bulk 256", "a word that is none" },
		{ "bulk dscp", "no DSCP behind dscp" },
		{ "bulk dscp 64", "no DSCP behind dscp" },
		{ "bulk dscp AF14", "no DSCP behind dscp" },
		{ "bulk dscp AF51", "no DSCP behind dscp" },
		{ "bulk dscp CS8", "no DSCP behind dscp" },
		{ "bulk dscp EF dscp LE", "two DSCPs" },
		{ "bulk utp", "a word that is none" },
		{ "bulk 0123456789012345678901234567890123456789012345678901234567890123", "a word that is too long" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct traffic_rule rule = { .dscp = 99 };
		const char *wrong = traffic_rule_parse(&rule, cases[i].text);

		if (!wrong || !strstr(wrong, cases[i].wrong))
			fail_msg("\"%s\": %s", cases[i].text, wrong ? wrong : "is taken");
		assert_int_equal(rule.dscp, 99);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_a_rule_says_must_be_true),
		cmocka_unit_test(marks_have_names),
		cmocka_unit_test(what_is_no_rule_is_refused_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
