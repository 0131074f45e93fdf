/* "outages": the sites that are watched, what works there, and every outage with its marks. */
#include "meshd/io/control.h"

static json_t *after_make(uint32_t after_ms)
{
	return after_ms == OUTAGE_NOT_YET ? json_null() : json_real(after_ms / 100 / 10.0);
}

static json_t *lost_make(uint8_t lost)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < OUTAGE_CLASSES; i++)
		if (lost & 1u << i)
			json_array_append_new(list, json_string(traffic_class_name(i)));
	return list;
}

json_t *outage_make(const struct outage *o)
{
	json_t *made = json_pack("{s:o, s:b, s:I, s:o}", "site", json_of_text(o->site), "start", o->is_start,
		"began_unix_s", (json_int_t)o->began_unix_s, "lost", lost_make(o->lost));

	for (unsigned i = 0; i < OUTAGE_MARKS; i++) {
		char key[32];

		snprintf(key, sizeof(key), "%s_s", outage_mark_name((enum outage_mark)i));
		json_object_set_new(made, key, after_make(o->after_ms[i]));
	}
	return made;
}

/* What was tested, and when: what was not lately is not known. */
static json_t *classes_make(const struct view *v, const struct outage_site *s)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < OUTAGE_CLASSES; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:b, s:o}", "class", traffic_class_name(i), "works", s->classes[i].works,
				      "worked_s", json_age_s(v->now_us, s->classes[i].worked_us)));
	return list;
}

static json_t *site_make(const struct view *v, const struct outage_site *s)
{
	return json_pack("{s:o, s:b, s:o, s:o, s:o}", "site", json_of_text(s->name), "out", s->is_out, "classes",
		classes_make(v, s), "out_s",
		s->is_out ? json_real((double)(outage_age_ms(s, v->now_us) / 100) / 10) : json_null(), "outage",
		s->is_out ? outage_make(&s->now) : json_null());
}

json_t *answer_outages(struct view *v, const json_t *request)
{
	const struct outages *o = &v->d->outage_watch.outages;
	unsigned first = o->log_count > OUTAGE_LOG_MAX ? o->log_count - OUTAGE_LOG_MAX : 0;
	json_t *sites = json_array(), *log = json_array();

	(void)request;
	for (unsigned i = 0; i < o->site_count; i++)
		json_array_append_new(sites, site_make(v, &o->sites[i]));
	for (unsigned i = first; i < o->log_count; i++)
		json_array_append_new(log, outage_make(&o->log[i % OUTAGE_LOG_MAX]));
	return json_pack(
		"{s:b, s:I, s:o, s:o}", "ok", 1, "now_unix_s", (json_int_t)io_date_s(), "sites", sites, "outages", log);
}
