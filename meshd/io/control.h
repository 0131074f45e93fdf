/*
 * What the answers on the control socket share: one view of the node, taken
 * once per request, and the words for it.
 */
#ifndef MESHD_IO_CONTROL_H
#define MESHD_IO_CONTROL_H

#include "meshd/io/io.h"

#include <jansson.h>

struct view_member {
	const struct certificate *certificate;
	bool is_replaced; /* a later certificate has its name */
	bool is_out; /* revoked, or ... */
	bool is_over; /* ... a guest, whose time is over */
};

struct view {
	struct daemon *d;
	const struct node *node;
	uint64_t now_us;
	size_t peer_count, neighbour_count, route_count, route_capacity, member_count;
	struct node_peer_info peers[NODE_PEER_MAX];
	struct babel_neighbour_info neighbours[NODE_PEER_MAX];
	struct babel_route_info *routes; /* view_routes(); those of one prefix together, and of one class in it */
	struct view_member *members; /* view_members() */
	struct asker *asker; /* control_answer(); NULL: nobody asks */
};

/* NULL: memory. */
struct view *view_new(struct daemon *d);
void view_free(struct view *v);
/* Takes the entries of these classes, bits of enum babel_class. Before that there are none: most answers need none. */
void view_routes(struct view *v, unsigned classes);
/* NULL if there is none (any more). */
const struct node_peer_info *view_peer(const struct view *v, unsigned link, const struct address *neighbour);
const struct babel_neighbour_info *view_neighbour(const struct view *v, unsigned link, const router_id *rid);
/* A plain link: its neighbours are routers that are no members. */
bool view_is_plain(const struct view *v, unsigned link);
/* NULL: not a plain link, or nobody there has this address (any more). */
const struct babel_neighbour_info *view_plain(const struct view *v, unsigned link, const struct address *neighbour);
/* When the neighbour, of whatever kind, was heard last; 0: never. */
uint64_t view_heard_us(const struct view *v, unsigned link, const struct address *neighbour);
/* The next hop is the destination's own node. */
bool view_is_direct(const struct view *v, const struct babel_route_info *r);
/* The selected route of the class to exactly this prefix; NULL: none. */
const struct babel_route_info *view_selected(const struct view *v, const struct prefix *prefix, enum babel_class class);

/* Names of the classes that have a selected route to exactly this prefix, of those that are there: view_routes(). A new
 * reference. */
json_t *view_classes(const struct view *v, const struct prefix *prefix);

/* Announced by this node itself. */
bool view_prefix_is_own(const struct view *v, const struct prefix *prefix);

#define VIEW_ALL_CLASSES ((1u << BABEL_CLASSES) - 1)
#define VIEW_LEVELS 4
#define VIEW_NAME (NAME_MAX_LEN + 1)
/* By certificate, else the router-id in hex. */
const char *view_name(const struct view *v, const router_id *rid, char text[VIEW_NAME]);
const char *view_neighbour_name(
	const struct view *v, unsigned link, const struct address *neighbour, char text[VIEW_NAME]);
const char *view_link_name(const struct view *v, unsigned link);
/* Those in contact, of whatever kind. */
unsigned view_neighbours(const struct view *v, unsigned link);
unsigned view_neighbours_all(const struct view *v);
/* The port's error in two: what is wrong goes to `what`, the remedy, which may lie there too, is returned. */
const char *view_port_error(const struct port *p, char what[PORT_ERROR_MAX]);
/* All members whose certificate is known, by level and name: v->members. */
void view_members(struct view *v);
/* False: it is not missed if it is not there. */
static inline bool view_counts(const struct view_member *m)
{
	return !m->is_replaced && !m->is_out;
}
struct address view_address_of(const struct view *v, const struct certificate *c);
bool view_is_own(const struct view *v, const struct certificate *c);

/* Everything below returns new references; NULL: memory. */
json_t *json_metric(uint16_t metric); /* null for infinity */
json_t *json_age_s(uint64_t now_us, uint64_t then_us); /* null for "never" */
json_t *json_of_text(const char *text); /* "not text" for what is not UTF-8: a cut may have gone through a character */
json_t *json_base64(struct bytes b); /* at most REVOCATION_MAX_LEN */
json_t *json_address(const struct address *a);
json_t *json_prefix(const struct prefix *p);
json_t *json_peer_loss(uint16_t history); /* percent of hellos missed; null when there were none */
/* Somebody changes something: an event, and an entry of the incident log with who it was. */
__attribute__((format(printf, 2, 3))) void operator_note(const struct view *v, const char *format, ...);
/* A line, newline included, for free(); takes `answer` over. NULL: memory. */
char *control_line(json_t *answer);
/* {"ok": false, "error": text} */
__attribute__((format(printf, 1, 2))) json_t *answer_error(const char *format, ...);

/* Long lists go out in pages, so that no answer holds up the packets: "from" of
 * the request, and "next" of the answer, null when this was the last. */
#define PAGE_LEN 200
size_t page_from(const json_t *request);
json_t *page_next(size_t from, size_t total);

/* Of "status": {what, action} of what hangs on one path or one node. Needs view_routes() and view_members(). */
json_t *warnings_make(const struct view *v);
/* The same, of those that people look for and that had more before; the neighbour that they hang on. */
typedef void (*hang_function)(void *arg, const char *neighbour, const char *what, const char *action);
void hangs_look(const struct view *v, struct spares *spares, hang_function say, void *arg);

typedef json_t *(*answer_function)(struct view *v, const json_t *request);
json_t *answer_status(struct view *v, const json_t *request);
json_t *answer_nodes(struct view *v, const json_t *request);
json_t *answer_links(struct view *v, const json_t *request);
json_t *answer_routes(struct view *v, const json_t *request);
json_t *answer_why(struct view *v, const json_t *request);
json_t *answer_trace(struct view *v, const json_t *request);
json_t *answer_names(struct view *v, const json_t *request);
/* Another configuration takes effect. What changed, and what waits for a restart, are sentences. */
void reload_apply(struct daemon *d, struct config *new, json_t *applied, json_t *waiting);
json_t *answer_steer(struct view *v, const json_t *request);
/* Of "status": what is steered now, before the rest. */
void steering_warn(const struct view *v, json_t *warnings);
json_t *answer_diff(struct view *v, const json_t *request);
json_t *answer_reload(struct view *v, const json_t *request);
json_t *answer_classes(struct view *v, const json_t *request);
json_t *answer_reach(struct view *v, const json_t *request);
json_t *answer_events(struct view *v, const json_t *request);
/* Of one outage, as it is listed and recorded. */
json_t *outage_make(const struct outage *o);
json_t *answer_outages(struct view *v, const json_t *request);
json_t *answer_alarms(struct view *v, const json_t *request);
json_t *answer_silence(struct view *v, const json_t *request);
/* Of one event, as it is listed and as who follows is told it. */
json_t *event_make(const struct daemon *d, uint64_t number, const struct event *event);
/* Of "members" and "status": the list of who is out, and who has it. Needs view_routes() and view_members(). */
json_t *list_make(const struct view *v);
json_t *answer_members(struct view *v, const json_t *request);
json_t *answer_revoke(struct view *v, const json_t *request);
json_t *answer_grant(struct view *v, const json_t *request);
json_t *answer_log(struct view *v, const json_t *request);
json_t *answer_logs(struct view *v, const json_t *request);
json_t *answer_send(struct view *v, const json_t *request);
json_t *answer_inbox(struct view *v, const json_t *request);
json_t *answer_outbox(struct view *v, const json_t *request);
json_t *answer_mail(struct view *v, const json_t *request);
/* What who sent it is told once it is stored. */
json_t *message_sent_make(uint32_t number);
/* Under which the own message with this number is stored; empty: there is none. */
struct bytes message_key_of(const struct node *n, uint32_t number, uint8_t key[NODE_KEPT_KEY_MAX]);
json_t *answer_pair(struct view *v, const json_t *request);
json_t *answer_capture(struct view *v, const json_t *request);

/* One answer, for whoever asks in whatever way; NULL: memory, or it comes later. */
json_t *control_reply(struct daemon *d, const json_t *request, struct asker *asker);

/* A member's name, an address or a prefix; a name means its node's address. */
struct destination {
	struct prefix prefix;
	bool is_host;
	const struct certificate *certificate; /* whose address it is; NULL: not known */
};
/* 0, or -ENOENT with a sentence. */
int destination_parse(const struct view *v, const char *text, struct destination *out, char error[IO_ERROR_MAX]);
/* "class" of the request, `otherwise` if there is none; NULL, or the error to answer. */
json_t *class_of(const json_t *request, unsigned otherwise, unsigned *class);
json_t *roles_make(const struct certificate *c); /* their names */
/* "dest" of the request; NULL with *out set, or the error to answer. */
json_t *destination_of(const struct view *v, const json_t *request, struct destination *out);

#endif
