/* cmd_resume.c - crq resume: workers take jobs again. */
#include "base/error.h"
#include "cli/cli.h"
#include "cli/show.h"

static int print_json(crq_error *err)
{
    crq_value *v = crq_value_new_dict();
    int rc = v != NULL ? 0 : CRQ_ENOMEM;

    crq_dict_put(v, "suspended", crq_value_new_bool(false), &rc);
    rc = rc < 0 ? crq_fail_nomem(err) : show_json(v, err);
    crq_value_free(v);
    return rc;
}

int cmd_resume(struct cli *cli, int argc, char **argv)
{
    static const struct argp_child children[] = {
        { &cli_common_argp, 0, NULL, 0 }, { 0 }
    };
    static const struct argp argp = { NULL, NULL, "",
        "End a suspension: workers take jobs again.", children, NULL, NULL };
    crq_error err;
    int rc;

    argp_parse(&argp, argc, argv, 0, NULL, cli);
    rc = cli_connect(cli);
    if (rc != 0)
        return rc;
    rc = crq_resume(cli->conn, &err);
    if (rc == 0 && cli->json)
        rc = print_json(&err);
    else if (rc == 0)
        printf("Workers take jobs again.\n");
    return rc < 0 ? cli_error(&err) : CLI_DONE;
}
