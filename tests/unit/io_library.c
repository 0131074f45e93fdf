/* Libraries that are loaded when they are needed (meshd/io/library.h). */
#include "tests/unit/io_fakes.h"

#include "meshd/io/database.h"
#include "meshd/io/library.h"

#include <dlfcn.h>
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

static bool is_mapped(void)
{
	void *there = dlopen(library_sqlite.files[0], RTLD_NOW | RTLD_NOLOAD);

	if (there)
		dlclose(there);
	return there;
}

static void row_is_written(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE t (i); INSERT INTO t VALUES (1)", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_last_insert_rowid(db), 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void library_goes_with_the_last_who_holds_it_and_comes_again(void **state)
{
	char error[IO_ERROR_MAX];

	(void)state;
	assert_false(is_mapped());
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(library_hold(&library_sqlite, error), 0);
		assert_int_equal(library_hold(&library_sqlite, error), 0);
		row_is_written();
		library_release(&library_sqlite);
		assert_true(is_mapped());
		row_is_written();
		library_release(&library_sqlite);
		assert_false(is_mapped());
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_there_is_named_with_its_package),
		cmocka_unit_test(another_name_of_it_will_do),
		cmocka_unit_test(library_goes_with_the_last_who_holds_it_and_comes_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
