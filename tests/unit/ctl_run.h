/* Runs a command of meshctl in a scratch directory and keeps what it wrote. */
#ifndef TESTS_UNIT_CTL_RUN_H
#define TESTS_UNIT_CTL_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct scratch {
	char dir[64], before[4096];
	int status;
	char out[65536], err[65536];
};

static inline int scratch_enter(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_non_null(getcwd(s->before, sizeof(s->before)));
	strcpy(s->dir, "/tmp/meshctl-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(chdir(s->dir), 0);
	*state = s;
	return 0;
}

static inline int scratch_remove(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

static inline int scratch_leave(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(chdir(s->before), 0);
	assert_int_equal(nftw(s->dir, scratch_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(s);
	return 0;
}

static inline void file_load(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t len = fd < 0 ? -1 : read(fd, out, size - 1);

	assert_true(len >= 0);
	out[len] = 0;
	close(fd);
}

static inline int stream_divert(FILE *stream, const char *path)
{
	int saved = dup(fileno(stream)), fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(saved >= 0 && fd >= 0);
	fflush(stream);
	dup2(fd, fileno(stream));
	close(fd);
	return saved;
}

static inline void stream_restore(FILE *stream, int saved)
{
	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
}

/* `line` is split at spaces; "_" in a word stands for one. */
static inline int run(struct scratch *s, int (*command)(int argc, char **argv), const char *line)
{
	char words[1024], *argv[32], *rest = NULL;
	int argc = 0;

	assert_true(strlen(line) < sizeof(words));
	strcpy(words, line);
	for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		for (char *c = word; *c; c++)
			*c = *c == '_' ? ' ' : *c;
		argv[argc++] = word;
	}
	int out = stream_divert(stdout, "stdout"), err = stream_divert(stderr, "stderr");
	s->status = command(argc, argv);
	stream_restore(stdout, out);
	stream_restore(stderr, err);
	file_load("stdout", s->out, sizeof(s->out));
	file_load("stderr", s->err, sizeof(s->err));
	return s->status;
}

static inline void says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in \"%s\"", part, text);
}

static inline unsigned lines_of(const char *text)
{
	unsigned lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

#endif
