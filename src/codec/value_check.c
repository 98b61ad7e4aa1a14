/*
 * value_check.c - whether a finished value can be walked by recursion.
 *
 * A pickle can make a list that contains itself, or nest a million of them.
 * Everything that comes from outside passes here before anything else looks
 * at it; what an application builds passes here before it is encoded.
 */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/value_impl.h"

#define WALKING UINT16_MAX

static int walk(crq_value *v, size_t left, uint16_t *out, crq_error *err);

static int walk_all(const struct crq_seq *seq, size_t left, uint16_t *tallest,
        crq_error *err)
{
    for (size_t i = 0; i < seq->count; i++) {
        uint16_t height;
        int rc = walk(seq->items[i], left, &height, err);

        if (rc < 0)
            return rc;
        *tallest = height > *tallest ? height : *tallest;
    }
    return 0;
}

/* The height of a shared part is remembered, so that it counts in full on
 * every way that leads to it but is walked on the first only. */
static int walk(crq_value *v, size_t left, uint16_t *out, crq_error *err)
{
    uint16_t below = 0;
    int rc;

    if (!crq_value_is_seq(v) && !crq_value_is_map(v) && v->type != CRQ_RETRY) {
        *out = 0;
        return 0;
    }
    if (v->height == WALKING)
        return crq_fail(err, CRQ_EUNSUPPORTED, "a %s contains itself",
                crq_type_name(v->type));
    if (v->height > left || left == 0)
        return crq_fail(err, CRQ_ELIMIT, "containers are nested too deep");
    if (v->height > 0) {
        *out = v->height;
        return 0;
    }
    v->height = WALKING;
    if (v->type == CRQ_RETRY)
        rc = walk(v->u.state, left - 1, &below, err);
    else if (crq_value_is_seq(v))
        rc = walk_all(&v->u.seq, left - 1, &below, err);
    else {
        rc = walk_all(&v->u.map.keys, left - 1, &below, err);
        if (rc == 0)
            rc = walk_all(&v->u.map.vals, left - 1, &below, err);
    }
    v->height = (uint16_t)(below + 1);
    *out = v->height;
    return rc;
}

/* Only what was walked has a height, so this goes no deeper than that did. */
static void unmark(crq_value *v)
{
    const struct crq_seq *seqs[2] = { NULL, NULL };

    if (v->height == 0)
        return;
    v->height = 0;
    if (v->type == CRQ_RETRY)
        unmark(v->u.state);
    else if (crq_value_is_map(v)) {
        seqs[0] = &v->u.map.keys;
        seqs[1] = &v->u.map.vals;
    } else
        seqs[0] = &v->u.seq;
    for (int s = 0; s < 2 && seqs[s] != NULL; s++)
        for (size_t i = 0; i < seqs[s]->count; i++)
            unmark(seqs[s]->items[i]);
}

int crq_value_check(const crq_value *v, size_t max_depth, crq_error *err)
{
    crq_value *root;
    uint16_t height;
    int rc;

    assert(max_depth < WALKING);
    memcpy(&root, &v, sizeof(root)); /* the heights are left as they were */
    if (root == NULL)
        return 0;
    rc = walk(root, max_depth, &height, err);
    unmark(root);
    return rc;
}
