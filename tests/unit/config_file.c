/* Files as the system gives them, and the form of every error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/config_parse.h"

#include <sys/stat.h>
#include <unistd.h>

static void an_error_is_one_line_within_its_bound(void **state)
{
	static const char long_name[] = HUNDRED HUNDRED HUNDRED;
	char *text = repeated("links:\n- name: \"", "\xe2\x82\xac", 1000, "\"\n  preset: fibre\n");

	(void)state;
	memset(error, 'x', sizeof(error));
	assert_int_equal(config_parse(&config, long_name, bytes_of(text, strlen(text)), error), -EINVAL);
	assert_true(memchr(error, '\0', sizeof(error)) != NULL);
	assert_null(strchr(error, '\n'));
	assert_true(strncmp(error, long_name, 128) == 0);
	free(text);
}

static void write_file(const char *path, const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static void files_are_loaded_or_refused_with_the_reason(void **state)
{
	char directory[] = "/tmp/meshd-config-XXXXXX", path[64], line[256];
	static const char text[] = "links: [{name: a, preset: fibre}]\n";
	char *huge = repeated("", "#", CONFIG_FILE_MAX + 1, "");

	(void)state;
	assert_non_null(mkdtemp(directory));
	sprintf(path, "%s/m.yaml", directory);
	assert_int_equal(config_load(&config, path, error), -ENOENT);
	sprintf(line,
		"%s: cannot be read: No such file or directory; write one (man meshd.yaml shows how), or name "
		"another with -c",
		path);
	assert_string_equal(error, line);
	config_is_blank();
	write_file(path, text, sizeof(text) - 1);
	assert_int_equal(config_load(&config, path, error), 0);
	assert_string_equal(error, "");
	assert_string_equal(config.links[0].name, "a");
	write_file(path, text, sizeof(text)); /* with its NUL */
	assert_int_equal(config_load(&config, path, error), -EINVAL);
	sprintf(line, "%s:2: this is not text: control characters are not allowed; save the file as UTF-8 text", path);
	assert_string_equal(error, line);
	write_file(path, huge, CONFIG_FILE_MAX + 1);
	assert_int_equal(config_load(&config, path, error), -EINVAL);
	sprintf(line, "%s: more than 65536 bytes; this is not a configuration", path);
	assert_string_equal(error, line);
	write_file(path, "", 0);
	assert_int_equal(config_load(&config, path, error), -EINVAL);
	if (geteuid() != 0) {
		assert_int_equal(chmod(path, 0), 0);
		assert_int_equal(config_load(&config, path, error), -EACCES);
		sprintf(line, "%s: cannot be read: Permission denied; run as root, or make it readable", path);
		assert_string_equal(error, line);
	}
	assert_int_equal(config_load(&config, directory, error), -EISDIR);
	sprintf(line, "%s: cannot be read: Is a directory; name the file in it", directory);
	assert_string_equal(error, line);
	config_is_blank();
	unlink(path);
	rmdir(directory);
	free(huge);
}

static void a_device_that_never_ends_is_not_read_for_ever(void **state)
{
	(void)state;
	assert_int_equal(config_load(&config, "/dev/zero", error), -EINVAL);
	assert_string_equal(error, "/dev/zero: more than 65536 bytes; this is not a configuration");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_is_one_line_within_its_bound),
		cmocka_unit_test(files_are_loaded_or_refused_with_the_reason),
		cmocka_unit_test(a_device_that_never_ends_is_not_read_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
