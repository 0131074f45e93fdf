/* The builder of packets, which can leave out retractions, or die of them. */
#define wire_write wire_write_all
#include "routing/wire_build.c"
#undef wire_write

#include "routing/babel.h"

#include "tests/property/world_broken/broken.h"

#include <stdlib.h>

int wire_write(struct wire_builder *w, const struct babel_tlv *tlv);

int wire_write(struct wire_builder *w, const struct babel_tlv *tlv)
{
	bool is_retraction = tlv->type == TLV_UPDATE && tlv->u.update.metric == BABEL_INFINITY;

	if (is_retraction && broken == BROKEN_DEATH)
		abort();
	return is_retraction && broken == BROKEN_RETRACTION ? 0 : wire_write_all(w, tlv);
}
