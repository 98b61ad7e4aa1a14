/* page_login.c - where one signs in. */
#include "web/assets.h"
#include "web/page_impl.h"

int page_login(const char *next, const char *why, struct crq_buf *out)
{
    html(out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n"
            "<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" "
            "content=\"width=device-width, initial-scale=1\">\n"
            "<meta name=\"color-scheme\" content=\"light dark\">\n"
            "<title>Sign in \xc2\xb7 crq</title>\n"
            "<link rel=\"icon\" type=\"image/svg+xml\" "
            "href=\"/assets/%s/icon.svg\">\n"
            "<link rel=\"stylesheet\" href=\"/assets/%s/style.css\">\n"
            "</head>\n<body class=\"login\">\n<main>\n"
            "<h1><span class=\"brand\">crq</span> Sign in</h1>\n"
            "<form method=\"post\" action=\"/login\">\n"
            "<input type=\"hidden\" name=\"next\" value=\"%s\">\n"
            "<label for=\"token\">Token</label>\n"
            "<input id=\"token\" name=\"token\" type=\"password\" required "
            "autofocus autocomplete=\"current-password\" "
            "autocapitalize=\"none\" spellcheck=\"false\"",
            assets_sum, assets_sum, next);
    if (why == NULL)
        html(out, ">\n");
    else
        html(out,
                " aria-invalid=\"true\" aria-describedby=\"why\">\n<p id=\"why\" class=\"wrong\" role=\"alert\">%s</p>\n",
                why);
    html(out,
            "<button type=\"submit\">Sign in</button>\n</form>\n"
            "<p class=\"hint\">One of the tokens that this gateway was "
            "given.</p>\n</main>\n</body>\n</html>\n");
    return out->rc;
}
