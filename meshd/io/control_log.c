/* "log": runs of the incident log, as this node or another signed them; "logs": whose are here; and who changes
 * something, for that log. */
#include "meshd/io/control.h"
#include "meshd/io/incident.h"

#include <pwd.h>
#include <stdarg.h>
#include <string.h>

#define USER_MAX 64

json_t *answer_log(struct view *v, const json_t *request)
{
	const char *whose = json_string_value(json_object_get(request, "dest"));

	if (incidents_read(v->d, whose, page_from(request), v->asker->token) < 0)
		return answer_error("there is no incident log, or too many ask for it; try again");
	v->asker->waits = true;
	return NULL;
}

json_t *answer_logs(struct view *v, const json_t *request)
{
	if (incidents_list(v->d, page_from(request), v->asker->token) < 0)
		return answer_error("there is no incident log, or too many ask for it; try again");
	v->asker->waits = true;
	return NULL;
}

/* Of the machine's own list: who is known elsewhere only would have to be waited for. */
static void user_name(unsigned user, char name[USER_MAX])
{
	FILE *list = fopen("/etc/passwd", "re");
	const struct passwd *entry;

	snprintf(name, USER_MAX, "user %u", user);
	while (list && (entry = fgetpwent(list)))
		if (entry->pw_uid == user) {
			snprintf(name, USER_MAX, "%s", entry->pw_name);
			break;
		}
	if (list)
		fclose(list);
}

void operator_note(const struct view *v, const char *format, ...)
{
	char text[EVENT_TEXT_MAX], name[USER_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (v->asker->browser)
		snprintf(name, sizeof(name), "browser %s", v->asker->browser);
	else
		user_name(v->asker->user, name);
	daemon_tell(v->d, "operator",
		json_pack("{s:o, s:o, s:o}", "user",
			v->asker->browser ? json_null() : json_integer((json_int_t)v->asker->user), "who",
			json_of_text(name), "did", json_of_text(text)),
		"%s: %s", name, text);
}
