/* "capture": what a link sends and receives from now on follows the answer, as pcapng, until the client shuts its end.
 */
#include "meshd/io/control.h"

json_t *answer_capture(struct view *v, const json_t *request)
{
	const char *link = json_string_value(json_object_get(request, "link"));
	bool is_opened = json_is_true(json_object_get(request, "opened"));
	struct port *p = port_named(v->d, link ? link : "");

	if (v->asker->browser || !v->d->control)
		return answer_error("a capture is for the control socket; run meshctl capture on the node");
	if (!p)
		return answer_error("there is no link \"%.40s\"; meshctl links names them", link ? link : "");
	v->asker->tap = tap_open(p, is_opened);
	if (!v->asker->tap)
		return answer_error("%d captures run already, or memory is short; end one of them", TAPS_MAX);
	operator_note(v, "capture of %s, %s", p->config->name, is_opened ? "opened" : "sealed");
	return json_pack("{s:b, s:s, s:b}", "ok", 1, "link", p->config->name, "opened", is_opened);
}
