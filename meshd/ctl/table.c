/* Aligned columns, for names in any script: a Chinese character takes two. */
#include "meshd/ctl/ctl.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define GAP 2

unsigned text_width(const char *text)
{
	mbstate_t state = { 0 };
	unsigned width = 0;

	while (*text) {
		wchar_t c;
		size_t len = mbrtowc(&c, text, MB_CUR_MAX, &state);
		int columns = len == (size_t)-1 || len == (size_t)-2 ? -1 : wcwidth(c);

		if (columns < 0) { /* not in this locale: a byte is a column */
			state = (mbstate_t){ 0 };
			columns = 1;
			len = 1;
		}
		width += (unsigned)columns;
		text += len;
	}
	return width;
}

void table_init(struct table *t, unsigned columns)
{
	*t = (struct table){ .columns = columns };
}

void table_begin(struct table *t, const char *const *heads, unsigned columns)
{
	table_init(t, columns);
	for (unsigned i = 0; i < columns; i++)
		table_cell(t, "%s", heads[i]);
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct table){ 0 };
}

void table_cell(struct table *t, const char *format, ...)
{
	char *text;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	if (t->count == t->capacity) {
		t->capacity = t->capacity ? t->capacity * 2 : 64;
		t->cells = realloc(t->cells, t->capacity * sizeof(*t->cells));
		if (!t->cells)
			abort();
	}
	t->cells[t->count++] = text;
}

void table_print(const struct table *t, FILE *out, const char *indent)
{
	unsigned widths[TABLE_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < t->count; i++) {
		unsigned width = text_width(t->cells[i]), column = (unsigned)(i % t->columns);

		if (width > widths[column])
			widths[column] = width;
	}
	for (size_t i = 0; i < t->count; i++) {
		unsigned column = (unsigned)(i % t->columns);
		bool is_last = column == t->columns - 1;

		fprintf(out, "%s%s", column ? "" : indent, t->cells[i]);
		if (is_last)
			fputc('\n', out);
		else
			fprintf(out, "%*s", (int)(widths[column] - text_width(t->cells[i]) + GAP), "");
	}
}
