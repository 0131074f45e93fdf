/* One error of the configuration: file:line: where: what; remedy. */
#include "meshd/config/complaint.h"

#include "meshd/config/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int complain(const struct complaint *c, unsigned line, const char *format, ...)
{
	va_list arguments;
	int len = line ? snprintf(c->text, CONFIG_ERROR_MAX, "%.128s:%u: ", c->file, line)
		       : snprintf(c->text, CONFIG_ERROR_MAX, "%.128s: ", c->file);

	va_start(arguments, format);
	vsnprintf(c->text + len, CONFIG_ERROR_MAX - (size_t)len, format, arguments);
	va_end(arguments);
	return -EINVAL;
}
