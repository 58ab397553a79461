#include "tests/conformance/call.h"
#include "tests/conformance/run.h"
int unbind_restore(void){return 0;}
