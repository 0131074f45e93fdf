/*
 * "members": who belongs to the deployment, who is out, and by which list; "revoke":
 * another list, which the authority has signed, and the key that goes with it; "grant": its answer to a machine that
 * asks to belong. Whoever may ask may hand one in: it is the signature that counts.
 */
#include "meshd/io/control.h"

#include <errno.h>
#include <string.h>

#define MISSING_NAMED 3

/* Of the members that can be reached, this node among them, those who have the list, as far as it has come round. */
static void known_count(const struct view *v, json_t *o)
{
	unsigned reachable = 0, known = 0;
	json_t *missing = json_array();

	for (size_t i = 0; i < v->member_count; i++) {
		const struct certificate *c = v->members[i].certificate;
		struct prefix host = prefix_of_host(view_address_of(v, c));

		if (!view_counts(&v->members[i]) || !(view_is_own(v, c) || view_selected(v, &host, BABEL_TEXT)))
			continue;
		reachable++;
		if (node_is_aware(v->node, c))
			known++;
		else if (json_array_size(missing) < MISSING_NAMED)
			json_array_append_new(missing, json_of_text(c->name));
	}
	json_object_set_new(o, "reachable", json_integer(reachable));
	json_object_set_new(o, "known", json_integer(known));
	json_object_set_new(o, "missing", missing);
}

json_t *list_make(const struct view *v)
{
	struct revocation list;

	if (revocation_decode(&list, node_revocation(v->node)) < 0)
		return json_null(); /* there is none */
	json_t *o = json_pack("{s:i, s:I, s:i}", "number", (int)list.epoch, "date_min", (json_int_t)list.date,
		"revoked", (int)revocation_count(&list));
	known_count(v, o);
	return o;
}

/* With all that is needed to make the next one. */
static json_t *list_make_whole(const struct view *v)
{
	struct bytes encoded = node_revocation(v->node);
	struct revocation list;
	json_t *o = list_make(v);

	if (revocation_decode(&list, encoded) < 0)
		return o;
	json_object_set_new(o, "least_generation", json_integer(list.min_generation));
	json_object_set_new(o, "list", json_base64(encoded));
	return o;
}

/* null: it is none. */
static json_t *guest_make(const struct view *v, const struct certificate *c)
{
	static const char *const classes[] = { "text", "command", "bulk" };
	json_t *to = json_array(), *may = json_array();
	char text[PREFIX_TEXT];

	if (!(c->roles & ROLE_GUEST)) {
		json_decref(to);
		json_decref(may);
		return json_null();
	}
	for (unsigned i = 0; i < c->guest.to_count; i++)
		json_array_append_new(to, json_string(prefix_format(&c->guest.to[i], text)));
	for (unsigned i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (c->guest.classes >> i & 1)
			json_array_append_new(may, json_string(classes[i]));
	return json_pack("{s:s, s:o, s:o, s:i, s:I}", "agency", c->guest.agency, "to", to, "classes", may, "until_list",
		(int)c->guest.until_list, "left_s", (json_int_t)(node_guest_left_us(v->node, c) / SECOND_US));
}

static json_t *member_make(const struct view *v, const struct view_member *member)
{
	const struct certificate *c = member->certificate;

	return json_pack("{s:s, s:s, s:I, s:s, s:b, s:b, s:o, s:I, s:o}", "name", c->name, "level",
		level_name(c->level), "serial", (json_int_t)c->serial, "state",
		member->is_over       ? "ended"
		: member->is_out      ? "revoked"
		: member->is_replaced ? "replaced"
				      : "member",
		"self", view_is_own(v, c), "knows_list", node_is_aware(v->node, c), "roles", roles_make(c), "ends_min",
		(json_int_t)c->not_after, "guest", guest_make(v, c));
}

json_t *answer_members(struct view *v, const json_t *request)
{
	json_t *members = json_array();
	size_t from = page_from(request);

	view_members(v);
	view_routes(v, 1u << BABEL_TEXT);
	for (size_t i = from; i < v->member_count && i - from < PAGE_LEN; i++)
		json_array_append_new(members, member_make(v, &v->members[i]));
	return json_pack("{s:b, s:o, s:i, s:o, s:o}", "ok", 1, "list", list_make_whole(v), "key",
		(int)node_key_number(v->node), "members", members, "next", page_next(from, v->member_count));
}

static json_t *refused(const struct node *n, int error, const struct revocation *list)
{
	struct revocation ours;
	bool has_ours = revocation_decode(&ours, node_revocation(n)) == 0;

	switch (error) {
	case -EKEYREJECTED:
		return answer_error("the list is not signed by the authority of this deployment; use the key that "
				    "enrolled these nodes");
	case -ESTALE:
		return answer_error("the list has the number %u, and number %u is here: it is older; revoke again "
				    "here, and both are joined",
			list->epoch, has_ours ? ours.epoch : 0);
	case -ENOMEM:
		return answer_error("not enough memory; stop what else runs here");
	default:
		return answer_error("the list is damaged; copy it again");
	}
}

/* What is wrong with the key in the request; NULL: nothing, or there is none. */
static json_t *key_take(struct view *v, const json_t *request)
{
	uint8_t encoded[DEPLOYMENT_KEY_LEN];

	if (!json_object_get(request, "key"))
		return NULL;
	int len = base64_read(json_string_value(json_object_get(request, "key")), encoded, sizeof(encoded));
	int error = len < 0 ? len : node_key_add(v->d->node, v->now_us, bytes_of(encoded, (size_t)len));

	secret_wipe(encoded, sizeof(encoded));
	switch (error) {
	case 0:
	case -EALREADY:
	case -ESTALE: /* what is newer is here */
		return NULL;
	case -EKEYREJECTED:
		return answer_error("the list is in, but the key with it is not signed by the authority of this "
				    "deployment; hand in what was made with the list");
	case -ENOENT:
		return answer_error(
			"the list is in, but the key is of a later one; hand in what was made with the list");
	default:
		return answer_error("the list is in, but the key with it is damaged; copy it again");
	}
}

json_t *answer_revoke(struct view *v, const json_t *request)
{
	uint8_t encoded[REVOCATION_MAX_LEN];
	struct revocation list;
	int len = base64_read(json_string_value(json_object_get(request, "list")), encoded, sizeof(encoded));

	if (len < 0 || revocation_decode(&list, bytes_of(encoded, (size_t)len)) < 0)
		return answer_error("\"list\" is no list of who is out; hand in what \"meshctl revoke\" makes");
	int error = node_revocation_add(v->d->node, v->now_us, bytes_of(encoded, (size_t)len));
	if (error && error != -EALREADY)
		return refused(v->node, error, &list);
	json_t *trouble = key_take(v, request);
	if (trouble)
		return trouble;
	operator_note(v, "revoke: list %u, %u certificates are out", list.epoch, revocation_count(&list));
	return json_pack("{s:b, s:i, s:i, s:b}", "ok", 1, "number", (int)list.epoch, "revoked",
		(int)revocation_count(&list), "known", error == -EALREADY);
}

static json_t *grant_refused(int error, const struct grant *g)
{
	switch (error) {
	case -EKEYREJECTED:
		return answer_error("the answer is not signed by the authority of this deployment; use the key that "
				    "enrolled these nodes");
	case -EKEYEXPIRED:
		return answer_error("the certificate in the answer has expired; answer the request again");
	case -EKEYREVOKED:
		return answer_error("\"%s\" (serial %u) was revoked; let that machine make another request",
			g->certificate.name, (unsigned)g->certificate.serial);
	default:
		return answer_error("not enough memory; stop what else runs here");
	}
}

json_t *answer_grant(struct view *v, const json_t *request)
{
	uint8_t encoded[GRANT_MAX_LEN];
	struct grant g;
	int len = base64_read(json_string_value(json_object_get(request, "grant")), encoded, sizeof(encoded));

	if (len < 0 || grant_decode(&g, bytes_of(encoded, (size_t)len)) < 0)
		return answer_error(
			"\"grant\" is no answer to a request; hand in what \"meshctl enrol --request\" makes");
	int error =
		v->d->applicant ? -EKEYREJECTED : node_grant_add(v->d->node, v->now_us, bytes_of(encoded, (size_t)len));
	if (error && error != -EALREADY)
		return grant_refused(error, &g);
	if (!error)
		operator_note(v, "enrol: \"%s\", serial %u", g.certificate.name, (unsigned)g.certificate.serial);
	return json_pack("{s:b, s:s, s:I, s:b}", "ok", 1, "name", g.certificate.name, "serial",
		(json_int_t)g.certificate.serial, "known", error == -EALREADY);
}
