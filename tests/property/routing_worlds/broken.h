/*
 * Engines that are broken on purpose: files of this folder take the place of the
 * library's. Each has all of the file that it breaks, but for one rule.
 */
#ifndef TESTS_PROPERTY_ROUTING_WORLDS_BROKEN_H
#define TESTS_PROPERTY_ROUTING_WORLDS_BROKEN_H

#include <stdbool.h>

bool broken_keeps_routes(void);
bool broken_forgets_sources(void);

#endif
