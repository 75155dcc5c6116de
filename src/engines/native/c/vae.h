/* All that an emitted program calls. */
#include "functions.h"
#include "pool.h"
#include "product.h"
#include "random.h"
