/* What happens, in one plain line each, under a stable code. */
#include "meshd/node/state.h"

#include <stdarg.h>
#include <stdio.h>

#define EVENT_TEXT_MAX 256
#define REFUSAL_INTERVAL_US (10 * SECOND) /* between lines of one kind ... */
#define REFUSAL_BURST 8 /* ... of which so many may come at once */

const char *node_event_name(enum node_event event)
{
	switch (event) {
	case NODE_NEIGHBOUR_UP:
		return "neighbour-up";
	case NODE_NEIGHBOUR_DOWN:
		return "neighbour-down";
	case NODE_LINK_UP:
		return "link-up";
	case NODE_LINK_DOWN:
		return "link-down";
	case NODE_ROUTE_UP:
		return "route-up";
	case NODE_ROUTE_MOVED:
		return "route-moved";
	case NODE_ROUTE_DOWN:
		return "route-down";
	case NODE_REFUSED:
		return "refused";
	case NODE_DUPLICATE:
		return "duplicate";
	case NODE_SHORT_ID:
		return "short-id";
	case NODE_REVOKED:
		return "revoked";
	case NODE_GUEST_OVER:
		return "guest-over";
	}
	return "unknown";
}

/* Others can cause refusals in any number: they are counted elsewhere. */
static bool event_is_worth_a_line(struct node *n, enum node_event event)
{
	if (event != NODE_REFUSED && event != NODE_DUPLICATE && event != NODE_SHORT_ID)
		return true;
	return bucket_take(&n->refusals_said[event], n->now_us, REFUSAL_INTERVAL_US, REFUSAL_BURST);
}

void event_say(struct node *n, enum node_event event, const struct node_link *link, const char *format, ...)
{
	char text[EVENT_TEXT_MAX] = "";
	va_list arguments;

	if (!event_is_worth_a_line(n, event))
		return;
	if (!n->is_wordless) {
		va_start(arguments, format);
		vsnprintf(text, sizeof(text), format, arguments);
		va_end(arguments);
	}
	n->output.event(n->user, event, link ? link->id : NODE_LINK_MAX, text);
}

const char *name_of_rid(const struct node *n, const router_id *rid, char text[NODE_NAME_TEXT])
{
	const struct known *k = trust_by_rid(n, rid);
	const uint8_t *b = rid->bytes;

	if (k)
		snprintf(text, NODE_NAME_TEXT, "%s", k->member->certificate.name);
	else
		snprintf(text, NODE_NAME_TEXT, "%02x%02x%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5],
			b[6], b[7]);
	return text;
}
