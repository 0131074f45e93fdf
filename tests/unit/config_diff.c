/* What is different between two configurations is said, and keys are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

static char told[4096];

static void tell(void *arg, const char *text, bool needs_restart)
{
	size_t len = strlen(told);

	(void)arg;
	snprintf(told + len, sizeof(told) - len, "%s%s\n", text, needs_restart ? "!" : "");
}

static const char *between(const char *before, const char *after)
{
	static struct config old;

	old = *good(before);
	told[0] = 0;
	config_diff(&old, good(after), tell, NULL);
	return told;
}

#define RADIO "links:\n  - {name: radio0, interface: eth1, preset: mesh-radio"

static void the_same_says_nothing(void **state)
{
	(void)state;
	assert_string_equal(between(RADIO ", rate: 5M}\n", "# again\n" RADIO ", rate: 5Mbit}\n"), "");
}

static void fields_are_told_with_both_values(void **state)
{
	(void)state;
	assert_string_equal(between(RADIO "}\n", "node: {lan: eth0, tun: mesh1}\n" RADIO ", rate: 5M, mtu: 1400}\n"),
		"node: tun: mesh0 -> mesh1!\nnode: lan: none -> eth0!\nlink radio0: rate: 20M -> 5M\n"
		"link radio0: mtu: 1500 -> 1400\n");
}

/* Paths may be as long as the file allows, and differ at their ends. */
static void long_paths_are_told_whole(void **state)
{
	char path[240], before[400], after[400], expected[600];

	(void)state;
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	snprintf(before, sizeof(before), "node: {state: %sb}\n" RADIO "}\n", path);
	snprintf(after, sizeof(after), "node: {state: %sc}\n" RADIO "}\n", path);
	snprintf(expected, sizeof(expected), "node: state: %sb -> %sc!\n", path, path);
	assert_string_equal(between(before, after), expected);
}

static void links_and_lists_are_told(void **state)
{
	(void)state;
	assert_string_equal(
		between(RADIO "}\n", "links: [{name: sat0, preset: geo-satellite, listen: 0, peers: [a:1]}]\n"),
		"link radio0: it is gone\nlink sat0: it is new\n");
	assert_string_equal(
		between("node: {watch: [a]}\n" RADIO "}\n", "node: {watch: [b]}\n" RADIO ", accept: [10.0.0.0/8]}\n"),
		"node: watch: 1 sites -> 1, or others\nlink radio0: accept: 0 rules -> 1\n");
	assert_string_equal(
		between(RADIO "}\n", "node: {share-log: no}\n" RADIO "}\n"), "node: share-log: yes -> no\n");
	assert_string_equal(between(RADIO "}\n", "classes: {rules: [command udp port 5060]}\n" RADIO "}\n"),
		"classes: 0 rules -> 1, or other rules or limits\n");
	assert_string_equal(between(RADIO "}\n", "page: {pairing: no}\n" RADIO "}\n"),
		"page: 1 places -> 1, or other places or pairing\n");
}

static void keys_are_not_shown(void **state)
{
	static const char plain[] = "links:\n  - {name: lab, type: babel, interface: eth2, accept: [any], mac: [";
	char before[200], after[200];

	(void)state;
	snprintf(before, sizeof(before), "%shmac-sha256 00112233445566778899aabbccddeeff]}\n", plain);
	snprintf(after, sizeof(after), "%shmac-sha256 ffeeddccbbaa99887766554433221100]}\n", plain);
	assert_string_equal(between(before, after), "link lab: mac: the keys are others\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_says_nothing),
		cmocka_unit_test(fields_are_told_with_both_values),
		cmocka_unit_test(long_paths_are_told_whole),
		cmocka_unit_test(links_and_lists_are_told),
		cmocka_unit_test(keys_are_not_shown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
