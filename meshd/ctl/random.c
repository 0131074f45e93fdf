/* The kernel's randomness, for all keys that are made at the desk. */
#include "meshd/ctl/ctl.h"

#include <sodium.h>

static void kernel_fill(void *user, void *out, size_t len)
{
	(void)user;
	randombytes_buf(out, len);
}

const struct random ctl_random = { .fill = kernel_fill };
