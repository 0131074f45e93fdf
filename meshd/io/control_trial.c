/*
 * "reload": the file is read again, and takes effect (control_reload.c); a file with an
 * error changes nothing. "diff": what that would change.
 *
 *   reload try_s ──► on trial ──keep──► it stays
 *                        │ └──undo, or try_s are over──► the configuration of before
 *                        └──another reload: it is on trial, and what is undone is the same
 *
 * The configuration of before is kept in memory: whoever has cut the branch that they sit on
 * need not reach this node to get it back. The file is not touched.
 */
#include "meshd/io/control.h"

#include <stdlib.h>

#define TRY_MIN_S 10
#define TRY_MAX_S 3600

/* As it runs, without free places. For config_free(); NULL: memory. */
static struct config *running_copy(struct daemon *d)
{
	struct config *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = d->config;
	secret_wipe(c->links, sizeof(c->links));
	c->link_count = 0;
	for (struct port *p = port_next(d, NULL); p; p = port_next(d, p))
		c->links[c->link_count++] = *p->config;
	return c;
}

static void config_free(struct config *c)
{
	if (c)
		secret_wipe(c, sizeof(*c));
	free(c);
}

/* NULL, with *refusal to answer. */
static struct config *file_load(struct daemon *d, json_t **refusal)
{
	struct config *c = calloc(1, sizeof(*c));
	char error[CONFIG_ERROR_MAX];

	*refusal = NULL;
	if (c && config_load(c, d->config_path, error) == 0)
		return c;
	*refusal = c ? answer_error("%s (nothing was changed)", error) : answer_error("not enough memory");
	config_free(c);
	return NULL;
}

void trial_end(struct daemon *d)
{
	config_free(d->trial.before);
	d->trial = (struct trial){ 0 };
}

/* --- diff --------------------------------------------------------------------------------------- */

static void difference_add(void *arg, const char *text, bool needs_restart)
{
	json_array_append_new(arg, json_pack("{s:o, s:b}", "what", json_of_text(text), "restart", needs_restart));
}

/* What runs, for bug reports: nothing of it is secret. */
static json_t *running_answer(struct daemon *d)
{
	struct config *running = running_copy(d);
	json_t *list = json_array();

	if (running)
		config_tell(running, difference_add, list);
	config_free(running);
	return json_pack("{s:b, s:s, s:o}", "ok", 1, "file", d->config_path, "running", list);
}

json_t *answer_diff(struct view *v, const json_t *request)
{
	if (json_is_true(json_object_get(request, "running")))
		return running_answer(v->d);
	json_t *refusal, *list = json_array();
	struct config *new = file_load(v->d, &refusal), *old = new ? running_copy(v->d) : NULL;

	if (old)
		config_diff(old, new, difference_add, list);
	config_free(old);
	config_free(new);
	if (!old) {
		json_decref(list);
		return refusal ? refusal : answer_error("not enough memory");
	}
	return json_pack("{s:b, s:s, s:o}", "ok", 1, "file", v->d->config_path, "differences", list);
}

/* --- trial ----------------------------------------------------------------------------------------- */

static void undo(struct daemon *d, const char *why)
{
	json_t *applied = json_array(), *waiting = json_array();
	struct config *before = d->trial.before;

	d->trial = (struct trial){ 0 };
	reload_apply(d, before, applied, waiting);
	daemon_say(d, "reload-undone", "%s: %u changes taken back, %s; the file is as it was", d->config_path,
		(unsigned)json_array_size(applied), why);
	json_decref(applied);
	json_decref(waiting);
	config_free(before);
}

void trial_tick(struct daemon *d, uint64_t now_us)
{
	if (d->trial.before && now_us >= d->trial.until_us)
		undo(d, "nobody kept them");
}

static json_t *trial_answer(struct view *v, bool is_kept)
{
	struct daemon *d = v->d;

	if (!d->trial.before)
		return answer_error("no configuration is on trial; meshctl reload --try 2m begins one");
	operator_note(v, is_kept ? "reload: kept" : "reload: undone");
	if (is_kept)
		trial_end(d);
	else
		undo(d, "as was asked for");
	return json_pack("{s:b, s:b}", "ok", 1, "kept", is_kept);
}

static json_t *reload(struct view *v, json_int_t try_s)
{
	struct daemon *d = v->d;
	json_t *refusal, *applied = json_array(), *waiting = json_array();
	struct config *new = file_load(d, &refusal);
	/* What is undone is what ran before the first of several trials. */
	struct config *before = new &&try_s && !d->trial.before ? running_copy(d) : NULL;

	if (refusal) {
		operator_note(v, "reload, refused: %s", json_string_value(json_object_get(refusal, "error")));
		daemon_say(d, "reload-refused", "%s", json_string_value(json_object_get(refusal, "error")));
	}
	if (!new || (try_s && !before && !d->trial.before)) {
		json_decref(applied);
		json_decref(waiting);
		config_free(new);
		return refusal ? refusal : answer_error("not enough memory (nothing was changed)");
	}
	reload_apply(d, new, applied, waiting);
	if (before)
		d->trial.before = before;
	if (try_s)
		d->trial.until_us = v->now_us + (uint64_t)try_s * SECOND_US;
	else
		trial_end(d); /* who reloads without a trial has decided */
	operator_note(v, "reload: %u changed, %u wait for a restart%s", (unsigned)json_array_size(applied),
		(unsigned)json_array_size(waiting), try_s ? ", on trial" : "");
	daemon_say(d, "reload", "%s: %u applied, %u wait for a restart%s", d->config_path,
		(unsigned)json_array_size(applied), (unsigned)json_array_size(waiting), try_s ? "; on trial" : "");
	config_free(new);
	return json_pack("{s:b, s:o, s:o, s:I}", "ok", 1, "applied", applied, "waiting", waiting, "try_s", try_s);
}

json_t *answer_reload(struct view *v, const json_t *request)
{
	json_int_t try_s = json_integer_value(json_object_get(request, "try_s"));

	if (json_is_true(json_object_get(request, "keep")) || json_is_true(json_object_get(request, "undo")))
		return trial_answer(v, json_is_true(json_object_get(request, "keep")));
	if (try_s && (try_s < TRY_MIN_S || try_s > TRY_MAX_S))
		return answer_error("a trial lasts from 10 s to 1 h; write --try 2m");
	return reload(v, try_s);
}
