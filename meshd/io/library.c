#include "meshd/io/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

int library_load(struct library *l, char error[IO_ERROR_MAX])
{
	for (unsigned i = 0; !l->handle && l->files[i]; i++) {
		l->handle = dlopen(l->files[i], RTLD_NOW | RTLD_LOCAL);
		l->loads += l->handle != NULL;
	}
	return l->handle ? 0
			 : io_fail(error, -ELIBACC, "%s cannot be loaded; install the package %s", l->files[0],
				   l->package);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int library_hold(struct library *l, char error[IO_ERROR_MAX])
{
	pthread_mutex_lock(&lock);
	int code = library_load(l, error);

	if (!code)
		l->holders++;
	pthread_mutex_unlock(&lock);
	return code;
}

void library_release(struct library *l)
{
	void (*end)(void) = NULL;

	pthread_mutex_lock(&lock);
	if (--l->holders == 0) {
		if (l->end)
			*(void **)&end = library_function(l, l->end);
		if (end)
			end();
		dlclose(l->handle);
		l->handle = NULL;
	}
	pthread_mutex_unlock(&lock);
}

void *library_function(const struct library *l, const char *name)
{
	void *there = l->handle ? dlsym(l->handle, name) : NULL;

	if (there)
		return there;
	fprintf(stderr, "meshd: %s has no %s\n", l->files[0], name);
	abort();
}
