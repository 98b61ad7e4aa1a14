/* check_record.c - tests of model/record.c and its scripts. */
#include "run_steps.h"

int main(void)
{
    TCase *tc = tcase_create("record");

    return live_run("record", tc);
}
