/* Libraries that are loaded when they are needed (meshd/io/library.h). */
#include "tests/unit/io_fakes.h"

#include "meshd/io/library.h"

#include <errno.h>

static void what_is_not_there_is_named_with_its_package(void **state)
{
	struct library none = { .files = (const char *const[]){ "libnot-there.so.9", "libnor-here.so", NULL },
		.package = "not-there9" };
	char error[IO_ERROR_MAX];

	(void)state;
	assert_int_equal(library_load(&none, error), -ELIBACC);
	assert_string_equal(error, "libnot-there.so.9 cannot be loaded; install the package not-there9");
	assert_null(none.handle);
}

static void another_name_of_it_will_do(void **state)
{
	struct library some = { .files = (const char *const[]){ "libnot-there.so.9", "libc.so.6", NULL },
		.package = "libc6" };
	char error[IO_ERROR_MAX];

	(void)state;
	assert_int_equal(library_load(&some, error), 0);
	assert_non_null(library_function(&some, "getpid"));
	assert_int_equal(library_load(&some, error), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_named_with_its_package),
		cmocka_unit_test(another_name_of_it_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
