/* QR codes on a terminal: two modules, one above the other, in each character. */
#include "meshd/ctl/ctl.h"

#include <errno.h>
#include <qrencode.h>
#include <string.h>

#define MARGIN 4 /* modules of white around it, as ISO 18004 has it */
#define WHITE_ON_BLACK "\033[40;97m"
#define AS_BEFORE "\033[0m"

static bool is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return code->data[y * code->width + x] & 1;
}

int qr_print(const char *text, bool is_terminal, FILE *out)
{
	/* What is light is drawn: terminals are dark, or are told to be. */
	static const char *const blocks[2][2] = { { "\u2588", "\u2580" }, { "\u2584", " " } };
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

	if (!code)
		return -errno;
	for (int y = -MARGIN; y < code->width + MARGIN; y += 2) {
		fputs(is_terminal ? WHITE_ON_BLACK : "", out);
		for (int x = -MARGIN; x < code->width + MARGIN; x++)
			fputs(blocks[is_dark(code, x, y)][is_dark(code, x, y + 1)], out);
		fputs(is_terminal ? AS_BEFORE "\n" : "\n", out);
	}
	QRcode_free(code);
	return 0;
}
