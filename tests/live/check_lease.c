/* check_lease.c - tests of model/lease.c and its scripts. */
#include "run_steps.h"

int main(void)
{
    TCase *tc = tcase_create("lease");

    return live_run("lease", tc);
}
