/*
 * replay.c - runs a fuzz target without a fuzzer.
 *
 *     fuzz_<name> [-mutations=N] [FILE or FOLDER ...]
 *
 * Every input is run as it is, and then in N changed forms each. The changes
 * follow from a fixed seed, so that a failure can be had again. Without an
 * argument the inputs are those of CORPUS/<name>. Prints TAP.
 */
#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

#define MUTATIONS      60
#define SIZE_MAX_INPUT ((size_t)1 << 20)

struct input {
    uint8_t *bytes;
    size_t len;
    char *path;
};

struct inputs {
    struct input *all;
    size_t count;
};

static void *must(void *p)
{
    if (p == NULL) {
        puts("Bail out! out of memory");
        exit(1);
    }
    return p;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->path,
            ((const struct input *)b)->path);
}

static void read_file(struct inputs *inputs, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct input in;

    if (file == NULL) {
        printf("Bail out! cannot read %s\n", path);
        exit(1);
    }
    in.path = must(strdup(path));
    in.bytes = must(malloc(SIZE_MAX_INPUT));
    in.len = fread(in.bytes, 1, SIZE_MAX_INPUT, file);
    in.bytes = must(realloc(in.bytes, in.len + 1));
    fclose(file);
    inputs->all = must(realloc(inputs->all,
            (inputs->count + 1) * sizeof(*inputs->all)));
    inputs->all[inputs->count++] = in;
}

/* A file, or the files of a folder. */
static void read_path(struct inputs *inputs, const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[4096];

    if (folder == NULL) {
        read_file(inputs, path);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        read_file(inputs, name);
    }
    closedir(folder);
}

/* ---- changed copies ---- */

static uint64_t next(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    *state = x;
    return x >> 11;
}

static size_t below(uint64_t *state, size_t end)
{
    return end > 0 ? (size_t)(next(state) % end) : 0;
}

/* One change; the buffer has room for twice the length, and 64 bytes. */
static size_t mutate(uint8_t *b, size_t len, const struct inputs *inputs,
        uint64_t *state)
{
    const struct input *other = &inputs->all[below(state, inputs->count)];
    size_t at = below(state, len), n = 1 + below(state, 32);
    size_t from = below(state, other->len);

    switch (below(state, 6)) {
    case 0: /* a bit */
        if (len > 0)
            b[at] ^= (uint8_t)(1 << below(state, 8));
        return len;
    case 1: /* a byte */
        if (len > 0)
            b[at] = (uint8_t)next(state);
        return len;
    case 2: /* a number at its limit */
        for (size_t i = at; i < len && i < at + 4; i++)
            b[i] = 0xff;
        return len;
    case 3: /* some bytes less */
        n = n < len - at ? n : len - at;
        memmove(b + at, b + at + n, len - at - n);
        return len - n;
    case 4: /* some bytes twice */
        n = n < len - at ? n : len - at;
        memmove(b + at + n, b + at, len - at);
        return len + n;
    default: /* some bytes of another input */
        n = n < other->len - from ? n : other->len - from;
        memmove(b + at + n, b + at, len - at);
        memcpy(b + at, other->bytes + from, n);
        return len + n;
    }
}

static void run(const uint8_t *bytes, size_t len)
{
    /* A block of exactly that size: what reads beyond it is seen. */
    uint8_t *copy = must(malloc(len > 0 ? len : 1));

    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static void run_mutated(const struct inputs *inputs, size_t i, long times)
{
    const struct input *in = &inputs->all[i];
    uint64_t state = 0x9e3779b97f4a7c15u + i;
    uint8_t *b = must(malloc(in->len + 8 * 64));

    for (long n = 0; n < times; n++) {
        size_t len = in->len, changes = 1 + below(&state, 6);

        memcpy(b, in->bytes, len);
        while (changes-- > 0)
            len = mutate(b, len, inputs, &state);
        run(b, len);
    }
    free(b);
}

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "fuzz_");
    struct inputs inputs = { NULL, 0 };
    long mutations = MUTATIONS;
    bool given = false;
    char path[4096];

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "-mutations=", 11) == 0)
            mutations = atol(argv[i] + 11);
        else {
            read_path(&inputs, argv[i]);
            given = true;
        }
    }
    while (name != NULL && strstr(name + 1, "fuzz_") != NULL)
        name = strstr(name + 1, "fuzz_");
    if (!given && name != NULL) {
        snprintf(path, sizeof(path), "%s/%s", CORPUS, name + 5);
        read_path(&inputs, path);
    }
    if (inputs.count == 0) {
        puts("Bail out! no inputs");
        return 1;
    }
    /* Folders have no order of their own. */
    qsort(inputs.all, inputs.count, sizeof(*inputs.all), by_path);
    puts("1..2");
    for (size_t i = 0; i < inputs.count; i++)
        run(inputs.all[i].bytes, inputs.all[i].len);
    printf("ok 1 - %zu inputs\n", inputs.count);
    for (size_t i = 0; i < inputs.count; i++)
        run_mutated(&inputs, i, mutations);
    printf("ok 2 - %ld changed forms of each\n", mutations);
    for (size_t i = 0; i < inputs.count; i++) {
        free(inputs.all[i].bytes);
        free(inputs.all[i].path);
    }
    free(inputs.all);
    return 0;
}
