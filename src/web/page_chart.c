/*
 * page_chart.c - series of numbers as pictures, and as tables for who can't
 * see these.
 *
 * Pictures are stretched to the width there is, so they hold no text: what is
 * to be read stands beside them. Durations have a logarithmic scale from one
 * millisecond on: a single slow job would else flatten all the others.
 */
#include <math.h>
#include <stdio.h>

#include "web/page_impl.h"

#define HEIGHT 100.
#define STEP   10   /* of one minute */
#define LEAST  1e-3 /* the foot of durations, in seconds */

struct chart {
    struct page *p;
    const char *id, *title;
    const struct page_series *series;
    size_t series_count, count;
    const char *unit; /* NULL: durations */
    double top;
};

/* A round number that is not below `value`. */
static double nice(double value)
{
    static const double steps[] = { 1, 1.5, 2, 3, 4, 5, 6, 8, 10 };
    double scale = pow(10, floor(log10(value)));

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (value <= steps[i] * scale)
            return steps[i] * scale;
    return 10 * scale;
}

static void put_number(const struct chart *c, double value)
{
    if (c->unit == NULL)
        page_duration(c->p, (int64_t)(value * 1e6));
    else {
        page_number(c->p, (int64_t)value);
        html(c->p->out, "%s", c->unit);
    }
}

static double height_of(const struct chart *c, double value)
{
    if (c->unit != NULL)
        return HEIGHT * value / c->top;
    if (value <= LEAST)
        return 1;
    return HEIGHT * log(value / LEAST) / log(c->top / LEAST);
}

/* ------------------------------------------------------------------- texts */

static void put_minute(const struct chart *c, size_t i)
{
    if (i + 1 == c->count)
        html(c->p->out, "this minute");
    else
        html(c->p->out, "%zu min ago", c->count - 1 - i);
}

static bool has_any(const struct chart *c, size_t i)
{
    for (size_t s = 0; s < c->series_count; s++)
        if (c->series[s].values[i] > 0)
            return true;
    return false;
}

/* What a minute holds, for the pointer that rests on it. */
static void put_hint(const struct chart *c, size_t i)
{
    html(c->p->out, "<title>");
    put_minute(c, i);
    for (size_t s = 0; s < c->series_count; s++) {
        if (c->series[s].values[i] < 0)
            continue;
        html(c->p->out, ", %s: ", c->series[s].name);
        put_number(c, c->series[s].values[i]);
    }
    html(c->p->out, "</title>");
}

static void put_numbers(const struct chart *c)
{
    struct crq_buf *out = c->p->out;

    html(out,
            "<details><summary>Numbers<span class=\"quiet\"> of: %s</span>"
            "</summary><table><caption class=\"quiet\">%s</caption><thead>"
            "<tr><th scope=\"col\">Minute</th>",
            c->title, c->title);
    for (size_t s = 0; s < c->series_count; s++)
        html(out, "<th scope=\"col\" class=\"n\">%s</th>", c->series[s].name);
    html(out, "</tr></thead><tbody>");
    for (size_t i = c->count; i-- > 0;) {
        if (!has_any(c, i))
            continue;
        html(out, "<tr><th scope=\"row\">");
        put_minute(c, i);
        html(out, "</th>");
        for (size_t s = 0; s < c->series_count; s++) {
            html(out, "<td class=\"n\">");
            if (c->series[s].values[i] < 0)
                page_none(c->p);
            else
                put_number(c, c->series[s].values[i]);
            html(out, "</td>");
        }
        html(out, "</tr>\n");
    }
    html(out, "</tbody></table></details>");
}

/* ------------------------------------------------------------------- frames */

static void begin(const struct chart *c, bool empty)
{
    struct crq_buf *out = c->p->out;

    html(out,
            "<figure class=\"chart\" id=\"chart-%s\"><figcaption>%s "
            "<span class=\"keys\">",
            c->id, c->title);
    for (size_t s = c->series_count; s-- > 0;)
        html(out, "<span class=\"key k-%s\">%s</span> ", c->series[s].kind,
                c->series[s].name);
    html(out, "</span></figcaption>\n<div class=\"plot\"><span class=\"top\">");
    if (!empty)
        put_number(c, c->top);
    html(out,
            "</span><svg viewBox=\"0 0 %zu 100\" preserveAspectRatio=\"none\" "
            "role=\"img\" aria-label=\"%s, by minute, of the last hour\">\n",
            c->count * STEP, c->title);
}

static void end(const struct chart *c, bool empty)
{
    struct crq_buf *out = c->p->out;

    html(out, "</svg>");
    if (empty)
        html(out, "<span class=\"nothing\">nothing in the last hour</span>");
    html(out,
            "</div>\n<div class=\"axis\"><span>%zu min ago</span>"
            "<span>now</span></div>\n",
            c->count);
    if (!empty)
        put_numbers(c);
    html(out, "</figure>\n");
}

/* -------------------------------------------------------------------- bars */

static void put_bar(const struct chart *c, size_t i)
{
    struct crq_buf *out = c->p->out;
    double foot = HEIGHT;

    if (!has_any(c, i))
        return;
    html(out, "<g>");
    put_hint(c, i);
    for (size_t s = 0; s < c->series_count; s++) {
        double height = height_of(c, c->series[s].values[i]);

        if (height <= 0)
            continue;
        foot -= height;
        crq_buf_printf(out,
                "<rect class=\"k-%s\" x=\"%zu\" y=\"%.1f\" width=\"8\" "
                "height=\"%.1f\"/>",
                c->series[s].kind, i * STEP + 1, foot, height);
    }
    html(out, "</g>\n");
}

void page_chart_bars(struct page *p, const char *id, const char *title,
        const struct page_series *series, size_t series_count, size_t count,
        const char *unit)
{
    struct chart c = { p, id, title, series, series_count, count, unit, 0 };
    double most = 0;

    for (size_t i = 0; i < count; i++) {
        double sum = 0;

        for (size_t s = 0; s < series_count; s++)
            sum += series[s].values[i] > 0 ? series[s].values[i] : 0;
        most = sum > most ? sum : most;
    }
    c.top = most > 0 ? nice(most < 5 ? 5 : most) : 1;
    begin(&c, most <= 0);
    for (size_t i = 0; i < count; i++)
        put_bar(&c, i);
    end(&c, most <= 0);
}

/* ------------------------------------------------------------------- lines */

/* A line through what there is; a minute by itself is a dot. */
static void put_line(const struct chart *c, const struct page_series *series)
{
    struct crq_buf *out = c->p->out;
    bool drawing = false;

    html(out,
            "<path class=\"line k-%s\" vector-effect=\"non-scaling-stroke\" "
            "d=\"",
            series->kind);
    for (size_t i = 0; i < c->count; i++) {
        double value = series->values[i];

        if (value >= 0)
            crq_buf_printf(out, drawing ? "L%zu %.1f" : "M%zu %.1fh0",
                    i * STEP + STEP / 2, HEIGHT - height_of(c, value));
        drawing = value >= 0;
    }
    html(out, "\"/>\n");
}

/* What the pointer finds above a minute. */
static void put_place(const struct chart *c, size_t i)
{
    if (!has_any(c, i))
        return;
    html(c->p->out,
            "<rect class=\"place\" x=\"%zu\" y=\"0\" width=\"10\" "
            "height=\"100\">",
            i * STEP);
    put_hint(c, i);
    html(c->p->out, "</rect>\n");
}

void page_chart_lines(struct page *p, const char *id, const char *title,
        const struct page_series *series, size_t series_count, size_t count,
        const char *unit)
{
    struct chart c = { p, id, title, series, series_count, count, unit, 0 };
    double most = 0;

    for (size_t s = 0; s < series_count; s++)
        for (size_t i = 0; i < count; i++)
            if (series[s].values[i] > most)
                most = series[s].values[i];
    c.top = nice(most < 0.01 ? 0.01 : most);
    begin(&c, most <= 0);
    for (size_t s = 0; most > 0 && s < series_count; s++)
        put_line(&c, &series[s]);
    for (size_t i = 0; i < count; i++)
        put_place(&c, i);
    end(&c, most <= 0);
}

/* ------------------------------------------------------------- a small one */

void page_spark(struct page *p, const char *label, const double *values,
        size_t count)
{
    double most = 0;

    for (size_t i = 0; i < count; i++)
        most = values[i] > most ? values[i] : most;
    html(p->out,
            "<svg class=\"spark\" viewBox=\"0 0 %zu 16\" role=\"img\" "
            "aria-label=\"%s\">",
            count * 4, label);
    for (size_t i = 0; i < count; i++) {
        double height = most > 0 ? ceil(values[i] / most * 15) : 0;

        crq_buf_printf(p->out,
                "<rect x=\"%zu\" y=\"%.0f\" width=\"3\" height=\"%.0f\"/>",
                i * 4, 15 - height, height + 1);
    }
    html(p->out, "</svg>");
}
