/* A daemon without ports, in a scratch directory, whose log can be read. */
#ifndef TESTS_UNIT_IO_DAEMON_H
#define TESTS_UNIT_IO_DAEMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "meshd/base/build.h"
#include "meshd/io/io.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char dir[64];
	char error[IO_ERROR_MAX];
	char log[16384];
};

static inline int place_enter(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	strcpy(p->dir, "/tmp/meshd-test-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	*state = p;
	return 0;
}

static inline int place_remove(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
	(void)status, (void)type, (void)ftw;
	return remove(path);
}

static inline int place_leave(void **state)
{
	struct place *p = *state;

	assert_int_equal(nftw(p->dir, place_remove, 8, FTW_DEPTH | FTW_PHYS), 0);
	free(p);
	return 0;
}

static inline const char *path_in(const struct place *p, const char *name, char path[256])
{
	snprintf(path, 256, "%s/%s", p->dir, name);
	return path;
}

static inline void file_put(const struct place *p, const char *name, const void *data, size_t len)
{
	char path[256];
	int fd = open(path_in(p, name, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), (ssize_t)len);
	close(fd);
}

/* Length; -1 if there is no such file. */
static inline ssize_t file_get(const struct place *p, const char *name, void *data, size_t size)
{
	char path[256];
	int fd = open(path_in(p, name, path), O_RDONLY);

	if (fd < 0)
		return -1;
	ssize_t len = read(fd, data, size);
	close(fd);
	return len;
}

/* State directory "state", control socket "control/sock", log in "log". */
static inline struct daemon *daemon_make(struct place *p)
{
	struct daemon *d = calloc(1, sizeof(*d));
	char path[256];

	assert_non_null(d);
	path_in(p, "state", d->config.state_dir);
	path_in(p, "control/sock", d->config.control_path);
	d->state.lock_fd = -1;
	d->start_us = io_now_us();
	int fd = open(path_in(p, "log", path), O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	log_init(&d->log, fd, true, d->start_us);
	return d;
}

static inline void daemon_unmake(struct daemon *d)
{
	close(d->log.fd);
	free(d);
}

/* How often the log has said it. */
static inline unsigned said(struct place *p, const char *what)
{
	ssize_t len = file_get(p, "log", p->log, sizeof(p->log) - 1);
	unsigned count = 0;

	p->log[len > 0 ? len : 0] = 0;
	for (const char *at = p->log; (at = strstr(at, what)); at++)
		count++;
	return count;
}

static inline void says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* --- members ------------------------------------------------------------------------------- */

static inline void random_kernel(void *user, void *out, size_t len)
{
	(void)user;
	randombytes_buf(out, len);
}
static const struct random kernel_random = { .fill = random_kernel };

static inline void member_make(struct enrolment *e, struct secret_authority *a, const char *name, enum level level)
{
	struct certificate *c = &e->certificate;

	memset(e, 0, sizeof(*e));
	identity_generate(&e->identity, &kernel_random);
	c->key = e->identity.public;
	c->level = level;
	c->not_before = (uint32_t)(build_s / 60);
	c->not_after = c->not_before + 1000000;
	strcpy(c->name, name);
	c->name_len = (uint8_t)strlen(name);
	assert_int_equal(certificate_issue(c, a), 0);
	e->authority = a->public;
	memcpy(e->psk, a->psk, KEY_LEN);
}

static inline int member_introduce(struct node *n, const struct certificate *c)
{
	uint8_t encoding[CERTIFICATE_MAX_LEN];
	int len = certificate_encode(c, encoding, sizeof(encoding));

	assert_true(len > 0);
	return node_certificate_add(n, bytes_of(encoding, (size_t)len));
}

#endif
