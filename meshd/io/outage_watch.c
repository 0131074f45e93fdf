/*
 * Watches the sites that the configuration names: finds who has the name, has the clock
 * of each asked and moved on each second (meshd/node/outage_ask.h), and says, keeps and
 * records what has changed.
 */
#include "meshd/io/control.h"
#include "meshd/io/incident.h"

#include <string.h>

#define FIND_US (60 * SECOND_US) /* a name may be given to another machine */
#define KEEP_US (300 * SECOND_US) /* how old what is kept of an outage that lasts may be */

static const char *const words[OUTAGE_CLASSES] = { "text", "voice", "pictures" };

const char *outage_lost_text(uint8_t lost, char text[OUTAGE_LOST_TEXT])
{
	size_t len = 0;

	*text = 0;
	for (unsigned i = 0; i < OUTAGE_CLASSES; i++)
		if (lost & 1u << i)
			len += (size_t)snprintf(text + len, OUTAGE_LOST_TEXT - len, "%s%s", len ? ", " : "", words[i]);
	return text;
}

/* --- which sites ------------------------------------------------------------------------------------ */

static bool is_watched(const struct outages *o, const char *name)
{
	for (unsigned i = 0; i < o->site_count; i++)
		if (strcmp(o->sites[i].name, name) == 0)
			return true;
	return false;
}

void outage_watch_set(struct daemon *d, const struct config *config, uint64_t now_us)
{
	struct outage_watch *w = &d->outage_watch;

	for (unsigned i = w->outages.site_count; i-- > 0;) {
		if (config_watches(config, w->outages.sites[i].name))
			continue;
		incident_note(
			d, now_us, "watch", json_pack("{s:s, s:n}", "site", w->outages.sites[i].name, "class"), "");
		outages_remove(&w->outages, i);
		memmove(&w->sites[i], &w->sites[i + 1], (OUTAGE_SITES_MAX - i - 1) * sizeof(w->sites[0]));
	}
	for (unsigned i = 0; i < config->watch_count; i++)
		if (!is_watched(&w->outages, config->watch[i]) &&
			outages_add(&w->outages, now_us, io_date_s(), config->watch[i]) == 0)
			w->sites[w->outages.site_count - 1] = (struct watched_site){ .said.is_start = true };
}

static void site_find(struct daemon *d, struct watched_site *site, const char *name, uint64_t now_us)
{
	struct view *v = now_us >= site->find_us ? view_new(d) : NULL;
	struct destination to;
	char error[IO_ERROR_MAX];

	if (!v)
		return;
	site->asker.is_found = destination_parse(v, name, &to, error) == 0 && to.is_host;
	if (site->asker.is_found)
		site->asker.address = to.prefix.address;
	site->find_us = now_us + (site->asker.is_found ? FIND_US : SECOND_US);
	view_free(v);
}

static void site_look(struct daemon *d, unsigned i, uint64_t now_us)
{
	struct outage_watch *w = &d->outage_watch;

	site_find(d, &w->sites[i], w->outages.sites[i].name, now_us);
	outage_ask(&w->outages, i, &w->sites[i].asker, d->node, now_us, io_date_s());
}

/* --- what is said, and kept ------------------------------------------------------------------------------ */

/* By whom text to the site goes now; NULL: by nobody. */
static json_t *via_make(struct daemon *d, const struct address *site)
{
	struct prefix host = prefix_of_host(*site);
	enum packet_class class = CLASS_TEXT;
	struct node_way way;
	char name[VIEW_NAME];
	struct view *v = node_way(d->node, &host, &class, &way) ? view_new(d) : NULL;

	if (!v)
		return json_null();
	json_t *via = json_pack("{s:s, s:o}", "link", view_link_name(v, way.link), "neighbour",
		json_of_text(view_neighbour_name(v, way.link, &way.neighbour, name)));
	view_free(v);
	return via;
}

/* When what is so now began: a class was lost when the first question was sent in vain, or the route went. */
static uint64_t class_since_us(const struct outage_site *s, unsigned class, uint64_t now_us)
{
	const struct outage_class *c = &s->classes[class];
	uint64_t since_us = c->works ? c->worked_us : c->misses ? c->missed_us : s->has_route ? now_us : s->gone_us;

	return since_us && since_us < now_us ? since_us : now_us;
}

/* For the report: what works there, whenever that changes. */
static void site_note(struct daemon *d, unsigned i, uint64_t now_us)
{
	const struct outage_site *s = &d->outage_watch.outages.sites[i];
	struct watched_site *site = &d->outage_watch.sites[i];

	for (unsigned class = 0; class < OUTAGE_CLASSES; class ++) {
		bool works = s->classes[class].works;
		uint8_t bit = (uint8_t)(1u << class);
		uint64_t since_us = site->is_noted ? class_since_us(s, class, now_us) : now_us;

		if (site->is_noted && works == !!(site->works & bit))
			continue;
		incident_note(d, now_us, "watch",
			json_pack("{s:o, s:s, s:b, s:I, s:o}", "site", json_of_text(s->name), "class",
				traffic_class_name(class), "works", works, "ago_ms",
				(json_int_t)((now_us - since_us) / 1000), "via",
				works ? via_make(d, &site->asker.address) : json_null()),
			"");
		site->works = (uint8_t)(works ? site->works | bit : site->works & ~bit);
	}
	site->is_noted = true;
}

static json_t *outage_data(const struct outage_site *s, uint64_t now_us)
{
	json_t *data = outage_make(&s->now);

	json_object_set_new(data, "age_ms", json_integer((json_int_t)outage_age_ms(s, now_us)));
	return data;
}

static void site_say(struct daemon *d, unsigned i, uint64_t now_us)
{
	const struct outage_site *s = &d->outage_watch.outages.sites[i];
	struct watched_site *site = &d->outage_watch.sites[i];
	char lost[OUTAGE_LOST_TEXT];

	if (s->is_out && !s->now.is_start && (!site->is_out || s->now.lost != site->said.lost))
		daemon_tell(d, "outage", outage_data(s, now_us), "%s: lost %s", s->name,
			outage_lost_text(s->now.lost, lost));
	for (unsigned m = 0; m < OUTAGE_RESTORED && s->is_out; m++)
		if (s->now.after_ms[m] != OUTAGE_NOT_YET && (!site->is_out || site->said.after_ms[m] == OUTAGE_NOT_YET))
			daemon_tell(d, "outage-mark", outage_data(s, now_us), "%s: first %s after %.1f s", s->name,
				outage_mark_name((enum outage_mark)m), s->now.after_ms[m] / 1000.0);
	if (!s->is_out && site->is_out)
		daemon_tell(d, "outage-over", outage_data(s, now_us), "%s: whole again", s->name);
	site->is_out = s->is_out;
	site->said = s->now;
}

void outage_watch_tick(struct daemon *d, uint64_t now_us)
{
	struct outage_watch *w = &d->outage_watch;
	bool is_out = false;

	for (unsigned i = 0; i < w->outages.site_count; i++)
		site_look(d, i, now_us);
	outages_poll(&w->outages, now_us);
	for (unsigned i = 0; i < w->outages.site_count; i++) {
		site_say(d, i, now_us);
		site_note(d, i, now_us);
		is_out |= w->outages.sites[i].is_out;
	}
	if (!w->outages.has_changed && !(is_out && now_us >= w->keep_us))
		return;
	w->outages.has_changed = false;
	w->keep_us = now_us + KEEP_US;
	state_outages_changed(d);
}
