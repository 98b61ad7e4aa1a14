/* many.h - redis/many.h by the names of this folder. */
#ifndef CRQ_WEB_MANY_H
#define CRQ_WEB_MANY_H

#include "redis/many.h"

#define many_ask crq_many_ask

#endif
