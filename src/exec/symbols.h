/* symbols.h - the name of the function that an address of this process is in.
 */
#ifndef CRQ_EXEC_SYMBOLS_H
#define CRQ_EXEC_SYMBOLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/**
 * Append "crash+0x12 (demo.so)"; "demo.so+0x1234" where the file has no name
 * for it, "0x7f..." where no file is. Any address will do. `is_return`: it is
 * a return address, so that the call is looked for and not what comes next.
 */
void crq_symbol_put(uint64_t address, bool is_return, struct crq_buf *buf);

#endif
