/*
 * The page's own files, compiled in: a node has no disk to lose them from, and
 * nothing of the page comes from anywhere else.
 */
#ifndef MESHD_WEB_WEB_H
#define MESHD_WEB_WEB_H

#include "meshd/base/bytes.h"

struct web_asset {
	const char *path; /* "/page.css" */
	const char *type; /* of its content */
	const uint8_t *begin, *end;
};

/* NULL: there is none of this path; "/" is the page itself. */
const struct web_asset *web_asset_find(const char *path);
/* Changes with the content of any of them. */
uint64_t web_version(void);

#endif
