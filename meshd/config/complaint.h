/*
 * One error, in words for who wrote the file: file:line: where: what; remedy.
 * The first complaint stands. Private to meshd/config/.
 */
#ifndef MESHD_CONFIG_COMPLAINT_H
#define MESHD_CONFIG_COMPLAINT_H

struct complaint {
	const char *file;
	char *text; /* CONFIG_ERROR_MAX bytes of the caller */
};

/* `line` 0: the file as a whole. Returns -EINVAL, so that it can be returned. */
int complain(const struct complaint *c, unsigned line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
