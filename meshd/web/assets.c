/* The files beside this one, as the assembler finds them from the repo's root. */
#include "meshd/web/web.h"

#include <string.h>

#define ASSET(symbol, file)                                                                                            \
	__asm__(".pushsection .rodata\n"                                                                               \
		".global web_" #symbol "\n"                                                                            \
		".global web_" #symbol "_end\n"                                                                        \
		"web_" #symbol ":\n"                                                                                   \
		".incbin \"meshd/web/" file "\"\n"                                                                     \
		"web_" #symbol "_end:\n"                                                                               \
		".byte 0\n"                                                                                            \
		".popsection\n");                                                                                      \
	extern const uint8_t web_##symbol[], web_##symbol##_end[]

ASSET(html, "page.html");
ASSET(css, "page.css");
ASSET(words, "words.js");
ASSET(drawing, "drawing.js");
ASSET(js, "page.js");
ASSET(icon, "icon.svg");

static const struct web_asset assets[] = {
	{ "/", "text/html; charset=utf-8", web_html, web_html_end },
	{ "/page.css", "text/css; charset=utf-8", web_css, web_css_end },
	{ "/words.js", "text/javascript; charset=utf-8", web_words, web_words_end },
	{ "/drawing.js", "text/javascript; charset=utf-8", web_drawing, web_drawing_end },
	{ "/page.js", "text/javascript; charset=utf-8", web_js, web_js_end },
	{ "/icon.svg", "image/svg+xml", web_icon, web_icon_end },
};
#define ASSETS (sizeof(assets) / sizeof(assets[0]))

const struct web_asset *web_asset_find(const char *path)
{
	for (size_t i = 0; i < ASSETS; i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

/* FNV-1a: it tells versions apart, and protects nothing. */
uint64_t web_version(void)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < ASSETS; i++)
		for (const uint8_t *at = assets[i].begin; at < assets[i].end; at++)
			hash = (hash ^ *at) * 0x100000001b3;
	return hash;
}
