/*
 * Routing engines and data paths that are broken on purpose. The files of this folder take the
 * place of the library's: each has all of the file that it breaks, but for one
 * rule, which holds or does not by `broken`.
 */
#ifndef TESTS_PROPERTY_WORLD_BROKEN_H
#define TESTS_PROPERTY_WORLD_BROKEN_H

enum breakage {
	BROKEN_NOT,
	BROKEN_FEASIBILITY, /* every update is taken for feasible */
	BROKEN_SOURCES, /* a feasibility distance is forgotten while neighbours still follow what it stood for */
	BROKEN_RETRACTION, /* nobody is told of a route that is lost */
	BROKEN_MARK, /* a packet whose class has no way goes on in its class, by the base */
	BROKEN_DEATH, /* who would tell dies */
};
extern enum breakage broken;

#endif
