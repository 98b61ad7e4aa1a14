/* origin.c - see origin.h. */
#include "web/origin.h"

#include <string.h>
#include <strings.h>

/* The length of the host in "host:port", "[::1]:port" or "host". */
static size_t host_len(const char *text)
{
    size_t len = text[0] == '[' ? strcspn(text, "]") : strcspn(text, ":");

    return len + (text[0] == '[' && text[len] == ']');
}

bool origin_is_loopback(const char *address)
{
    static const char *const names[] = { "localhost", "[::1]" };
    size_t len = host_len(address);

    if (address[len] != '\0' && address[len] != ':')
        return false; /* "[::1].evil.example" */
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strlen(names[i]) == len && strncasecmp(names[i], address, len) == 0)
            return true;
    /* 127.0.0.0/8, as digits: "127.evil.example" is a name. */
    return strncmp(address, "127.", 4) == 0 &&
            strspn(address, "0123456789.") == len;
}

bool origin_host_is_ours(const struct origin_rules *rules, const char *host)
{
    if (!rules->loopback)
        return true;
    if (host == NULL)
        return false;
    if (origin_is_loopback(host))
        return true;
    for (size_t i = 0; i < rules->count; i++)
        if (strcasecmp(strstr(rules->allowed[i], "://") + 3, host) == 0)
            return true;
    return false;
}

bool origin_is_own_site(const char *site)
{
    return site == NULL || strcasecmp(site, "same-origin") == 0 ||
            strcasecmp(site, "none") == 0;
}

bool origin_is_allowed(const struct origin_rules *rules, const char *origin,
        const char *host)
{
    const char *at;

    if (origin == NULL)
        return true;
    at = strstr(origin, "://");
    if (at != NULL && host != NULL && strcasecmp(at + 3, host) == 0)
        return true;
    for (size_t i = 0; i < rules->count; i++)
        if (strcasecmp(rules->allowed[i], origin) == 0)
            return true;
    return false;
}
