#include "meshd/io/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int library_load(struct library *l, char error[IO_ERROR_MAX])
{
	for (unsigned i = 0; !l->handle && l->files[i]; i++)
		l->handle = dlopen(l->files[i], RTLD_NOW | RTLD_LOCAL);
	return l->handle ? 0
			 : io_fail(error, -ELIBACC, "%s cannot be loaded; install the package %s", l->files[0],
				   l->package);
}

void *library_function(const struct library *l, const char *name)
{
	void *there = l->handle ? dlsym(l->handle, name) : NULL;

	if (there)
		return there;
	fprintf(stderr, "meshd: %s has no %s\n", l->files[0], name);
	abort();
}
