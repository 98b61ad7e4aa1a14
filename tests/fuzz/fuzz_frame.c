/*
 * fuzz_frame.c - any bytes as the stream of frames that a child sends.
 *
 * In pieces or in one, they are the same frames. What is read is written and
 * read again, and must be the same.
 */
#include <string.h>

#include "exec/frame.h"
#include "fuzz.h"

#define MAX ((size_t)1 << 16)

static void check_again(const struct crq_frame *frame)
{
    struct crq_buf first = CRQ_BUF_INIT, second = CRQ_BUF_INIT;
    struct crq_frame again;
    char *copy;
    crq_error err;

    fuzz_ok(crq_frame_encode(frame, MAX * 2, &first, &err), &err);
    copy = malloc(first.len);
    fuzz_check(copy != NULL);
    memcpy(copy, first.data, first.len);
    fuzz_ok(crq_frame_decode(copy + 4, first.len - 4, &again, &err), &err);
    fuzz_check(again.type == frame->type);
    fuzz_ok(crq_frame_encode(&again, MAX * 2, &second, &err), &err);
    fuzz_check(first.len == second.len);
    fuzz_check(memcmp(first.data, second.data, first.len) == 0);
    crq_frame_fini(&again);
    crq_buf_fini(&first);
    crq_buf_fini(&second);
    free(copy);
}

/* Feed `step` bytes at a time. Returns how many frames came. */
static size_t read_all(const uint8_t *data, size_t size, size_t step)
{
    struct crq_frame_reader reader;
    struct crq_frame frame;
    size_t count = 0, i, n;
    crq_error err;
    int rc = 0;

    crq_frame_reader_init(&reader, MAX);
    for (i = 0; i < size && rc >= 0; i += n) {
        n = size - i < step ? size - i : step;
        rc = crq_frame_reader_feed(&reader, data + i, n, &err);
        while (rc >= 0) {
            rc = crq_frame_reader_next(&reader, &frame, &err);
            if (rc <= 0)
                break;
            count++;
            check_again(&frame);
            crq_frame_fini(&frame);
        }
    }
    crq_frame_reader_fini(&reader);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A stream that waits for more than a frame is refused: only whole reads
     * can be that long. */
    if (size > MAX)
        return 0;
    fuzz_check(read_all(data, size, 1) == read_all(data, size, size + 1));
    return 0;
}
