/* newlib's <regex.h> uses off_t and size_t without saying where from. */
#include <sys/types.h>
#include_next <regex.h>
