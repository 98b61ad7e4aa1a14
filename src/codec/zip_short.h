/* zip_short.h - the zlib form of short texts, without setting up zlib. */
#ifndef CRQ_CODEC_ZIP_SHORT_H
#define CRQ_CODEC_ZIP_SHORT_H

#include <stddef.h>
#include <stdint.h>

#define CRQ_ZIP_SHORT 128 /* the longest input, in bytes */

/** The most that crq_zip_short() writes: 9 bits for each byte, 10 bits around
 *  them, header and checksum. */
#define CRQ_ZIP_SHORT_ROOM(len) ((len) + (len) / 8 + 9)

/** Write the zlib form of up to CRQ_ZIP_SHORT bytes; returns its length. */
size_t crq_zip_short(const uint8_t *bytes, size_t len, uint8_t *out);

#endif
