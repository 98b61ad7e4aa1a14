/* api_openapi.c - the description of this interface, from this interface. */
#include "base/buf.h"
#include "web/api_impl.h"

int api_openapi_show(struct api_ask *ask)
{
    crq_buf_put(&ask->out->body, api_openapi, api_openapi_len);
    if (ask->out->body.rc < 0)
        return crq_buf_check(&ask->out->body, ask->err);
    ask->out->status = 200;
    ask->out->content_type = "application/json";
    return 0;
}
