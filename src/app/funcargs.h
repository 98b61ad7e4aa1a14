/*
 * funcargs.h - the arguments of a call, as the shell gives them.
 */
#ifndef CRQ_APP_FUNCARGS_H
#define CRQ_APP_FUNCARGS_H

#include <crq.h>

/**
 * Read arguments in RQ's syntax:
 *   text  :JSON  %LITERAL  key=text  key:=JSON  key%=LITERAL
 * A value that starts with '@' is read from the file it names.
 *
 * out_args gets a list, out_kwargs a dict.
 * CRQ_EINVAL, CRQ_ECODEC, CRQ_ELIMIT: the text names the argument.
 * CRQ_EIO: a file could not be read. CRQ_ENOMEM.
 *
 * Source: RQ 2.10, rq/cli/helpers.py, parse_function_arg().
 */
int crq_funcargs(int argc, char **argv, crq_value **out_args,
        crq_value **out_kwargs, crq_error *err) CRQ_MUST_CHECK;

#endif
