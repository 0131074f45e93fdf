/* Events: the last ones are kept by number, and every code has its grade and its words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/io/io.h"

#include <glob.h>
#include <string.h>

static struct events events;

static int setup(void **state)
{
	memset(&events, 0, sizeof(events));
	*state = &events;
	return 0;
}

static void what_happened_is_found_by_its_number(void **state)
{
	(void)state;
	assert_null(events_at(&events, 0));
	events_add(&events, 5, "started", "as a");
	events_add(&events, 9, "reload", "");
	assert_int_equal(events_first(&events), 0);
	assert_string_equal(events_at(&events, 0)->code, "started");
	assert_string_equal(events_at(&events, 0)->text, "as a");
	assert_int_equal(events_at(&events, 1)->at_us, 9);
	assert_null(events_at(&events, 2));
}

static void the_oldest_goes_when_there_are_too_many(void **state)
{
	(void)state;
	for (unsigned i = 0; i < EVENTS_MAX + 3; i++)
		events_add(&events, i, "reload", "");
	assert_int_equal(events_first(&events), 3);
	assert_null(events_at(&events, 2));
	assert_int_equal(events_at(&events, 3)->at_us, 3);
	assert_int_equal(events_at(&events, EVENTS_MAX + 2)->at_us, EVENTS_MAX + 2);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
	char text[EVENT_TEXT_MAX + 10];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	events_add(&events, 0, "modem", text);
	assert_int_equal(strlen(events_at(&events, 0)->text), EVENT_TEXT_MAX - 1);
}

static const char *file_text(const char *path)
{
	static char text[256 * 1024];
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	text[fread(text, 1, sizeof(text) - 1, file)] = 0;
	fclose(file);
	return text;
}

/* In a tag of meshd(8), by itself or between others. */
static bool is_in_manual(const char *code)
{
	char plain[32];
	size_t len = strlen(code);
	const char *at = file_text("docs/meshd.8");

	for (snprintf(plain, sizeof(plain), "%s", code); (at = strstr(at, plain)); at += len)
		if ((at[-1] == ' ' || at[-1] == '"') && strchr("\n \"", at[len]))
			return true;
	return false;
}

static void code_check(const char *code)
{
	if (!event_is_known(code))
		fail_msg("meshd/io/event.c has no grade for %s", code);
	if (!is_in_manual(code))
		fail_msg("docs/meshd.8 does not tell what %s means", code);
}

/* What the sources say in words that do not change: daemon_say(d, "code", ... and daemon_tell() likewise. */
static void every_code_has_a_grade_and_its_words_in_the_manual(void **state)
{
	glob_t found;
	unsigned codes = 0;

	(void)state;
	assert_int_equal(glob("meshd/io/*.c", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		static char source[256 * 1024];
		const char *at = source;

		snprintf(source, sizeof(source), "%s", file_text(found.gl_pathv[i]));
		while ((at = strstr(at, "daemon_"))) {
			char code[EVENT_CODE_MAX];

			at += strlen("daemon_");
			if (strncmp(at, "say(", 4) != 0 && strncmp(at, "tell(", 5) != 0)
				continue;
			at = strchr(at, '(') + 1;
			if (sscanf(at, "%*[^\",;], \"%23[a-z-]\"", code) != 1)
				continue;
			code_check(code);
			codes++;
		}
	}
	globfree(&found);
	assert_true(codes > 20);
	for (unsigned i = 0; i <= NODE_SHORT_ID; i++)
		code_check(node_event_name((enum node_event)i));
	for (unsigned i = PORT_MISSING; i <= PORT_UP; i++) {
		char code[EVENT_CODE_MAX];

		snprintf(code, sizeof(code), "port-%s", port_state_name((enum port_state)i));
		code_check(code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_happened_is_found_by_its_number, setup),
		cmocka_unit_test_setup(the_oldest_goes_when_there_are_too_many, setup),
		cmocka_unit_test_setup(a_text_that_is_too_long_is_cut, setup),
		cmocka_unit_test(every_code_has_a_grade_and_its_words_in_the_manual),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
