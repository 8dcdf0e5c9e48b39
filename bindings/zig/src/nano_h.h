#include <nano.h>
