/* Text made harmless, and one look for day, night and phones. */
#include "meshd/base/html.h"

const char html_style[] =
	":root{color-scheme:light dark;--bg:#f6f5f1;--card:#fff;--ink:#1b1d21;--soft:#5c6470;--rule:#d9d8d2;"
	"--good:#1a7f4b;--bad:#c0322b;--sat:#7a4bc2;--cell:#c26a00;--used:#0b6bcb;--warn:#b25c00}"
	"@media(prefers-color-scheme:dark){:root{--bg:#111418;--card:#1a1f26;--ink:#e8eaed;--soft:#9aa4b2;--rule:#"
	"313944;"
	"--good:#4cc38a;--bad:#ff6b60;--sat:#b592f0;--cell:#f2a84b;--used:#5cb0ff;--warn:#f0b060}}"
	"*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 "
	"system-ui,sans-serif}"
	"main{max-width:72rem;margin:0 auto;padding:1rem}h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}"
	"h1 span{display:block}h1 span+span{font-size:1.05rem;font-weight:500;color:var(--soft)}"
	"h2{font-size:1.15rem;margin:2rem 0 .75rem}h3{font-size:1rem;margin:0 0 .25rem}p{margin:.25rem 0}"
	".verdict{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}.soft{color:var(--soft);font-size:."
	"9rem}"
	".tiles{display:grid;grid-template-columns:repeat(2,1fr);gap:.75rem;margin:1rem 0}"
	".tile,.card{background:var(--card);border:1px solid var(--rule);border-radius:.6rem;padding:.75rem}"
	".tile b{display:block;font-size:1.6rem;line-height:1.2;font-variant-numeric:tabular-nums}"
	".phases{display:grid;gap:.75rem}.two{display:grid;gap:.75rem;align-items:start}"
	"@media(min-width:52rem){.tiles{grid-template-columns:repeat(4,1fr)}.phases{grid-template-columns:1fr 1fr}"
	".two{grid-template-columns:1fr 1fr}h1{font-size:2.1rem}}"
	"table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.45rem .5rem;vertical-align:top;"
	"border-bottom:1px solid var(--rule)}th{font-size:.85rem;color:var(--soft);font-weight:600}"
	"tr:last-child td{border-bottom:0}td{font-variant-numeric:tabular-nums}td.mark{font-weight:700;width:2.6rem}"
	"@media(max-width:40rem){.rows thead{display:none}.rows td{display:block;border:0;padding:.05rem 0}"
	".rows tr{display:block;padding:.5rem 0;border-bottom:1px solid var(--rule)}.rows tr:last-child{border:0}"
	".rows td.mark{float:left}.rows td:not(.mark){margin-left:2.6rem}.rows td.goal::before{content:\"goal \"}"
	".rows td.goal{color:var(--soft)}}"
	"img{display:block;width:100%;height:auto;border-radius:.4rem}svg{display:block;width:100%;height:auto}"
	"svg text{font:12px system-ui,sans-serif;fill:var(--ink)}.spot text,.transit text{text-anchor:middle}"
	".spot rect{fill:var(--card);stroke:var(--ink);stroke-width:1.5}.spot.off text{fill:var(--soft);opacity:.6}"
	".spot.off rect{stroke:var(--soft);stroke-dasharray:3 3}.transit "
	"ellipse{fill:var(--bg);stroke:var(--soft)}.transit.off ellipse{stroke:var(--rule)}.transit.off "
	"text{fill:var(--soft);opacity:.6}"
	".link{stroke-width:2}.link.up{stroke:var(--soft)}.link.absent{stroke:var(--rule);stroke-dasharray:2 5}"
	".link.used{stroke:var(--used);stroke-width:5}.link.down{stroke:var(--bad);stroke-dasharray:6 5}"
	".link.silent{stroke:var(--warn);stroke-dasharray:6 5}.cross{stroke:var(--bad);stroke-width:3;fill:none}";

/* Lanes of time, a thousand units wide, with words beside them; and how all of it is printed. */
const char html_time_style[] =
	"rect.reached,path.reached,.key.reached{fill:var(--good);background:var(--good)}"
	"rect.searching,.key.searching{fill:var(--warn);background:var(--warn)}"
	"rect.apart,.key.apart{fill:var(--bad);background:var(--bad)}"
	".key{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin:0 .15rem 0 .5rem;"
	"vertical-align:-.05rem}.key.apart{height:.3rem}.key:first-child{margin-left:0}"
	"line{vector-effect:non-scaling-stroke}.axis{stroke:var(--rule)}"
	".harm{stroke:var(--ink);stroke-width:1.5}"
	".ten{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:4 3}"
	".ticks{position:relative;height:1.3rem;font-size:.75rem;color:var(--soft)}"
	".ticks span{position:absolute;white-space:nowrap}"
	".site{display:grid;grid-template-columns:6.5rem 1fr;column-gap:.75rem;row-gap:.15rem;"
	"padding:.4rem 0;border-top:1px solid var(--rule);font-size:.85rem;align-items:center;"
	"break-inside:avoid}.site b{grid-column:1/-1;font-size:.9rem;overflow-wrap:anywhere}"
	".site span{color:var(--soft)}.site svg{height:.7rem;background:var(--bg)}"
	".site em{grid-column:2;font-style:normal;color:var(--soft);font-variant-numeric:tabular-nums;"
	"line-height:1.2}@media print,(min-width:52rem){.site{grid-template-columns:8rem 7rem 1fr 15rem}"
	".site b{grid-column:1}.site span{grid-column:2}.site svg{grid-column:3}.site em{grid-column:4}"
	".sites .ticks{margin-left:16.5rem;margin-right:15.75rem}}"
	"@media print{.site{grid-template-columns:6rem 5rem 1fr 10.5rem;font-size:.75rem}"
	".sites .ticks{margin-left:12.5rem;margin-right:11.25rem}"
	".site+.ticks,.fine+.ticks{break-before:avoid}.whole{break-inside:avoid}}"
	"@media(max-width:51.9rem){.sites .ticks{margin-left:7.25rem}}"
	"@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--rule:#bbb;"
	"--good:#1a7f4b;--bad:#c0322b;--used:#0b6bcb;--warn:#b25c00}body{font-size:11pt}"
	"main{max-width:none;padding:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
	".row,.two .card,.three .card,.tile,tr{break-inside:avoid}h2,.legend{break-after:avoid}"
	".tiles{grid-template-columns:repeat(4,1fr)}.two{grid-template-columns:1fr 1fr}}";

void html_put(FILE *f, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '>':
			fputs("&gt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		default:
			fputc(*text, f);
		}
	}
}
