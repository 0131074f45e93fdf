/* Where a packet goes, with one rule that can be broken: that it is marked when it falls. */
#define peer_of_class peer_of_class_by_the_rule
#include "meshd/node/lane.c"
#undef peer_of_class

#include "tests/property/world_broken/broken.h"

struct peer *peer_of_class(const struct fib_entry *to, enum packet_class *class);

struct peer *peer_of_class(const struct fib_entry *to, enum packet_class *class)
{
	enum packet_class before = *class;
	struct peer *peer = peer_of_class_by_the_rule(to, class);

	if (broken == BROKEN_MARK)
		*class = before;
	return peer;
}
