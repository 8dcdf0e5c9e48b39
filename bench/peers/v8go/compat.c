/* The archive that v8go ships was compiled against a C library of 2.38 or later, whose headers give C23's readings of numbers names of
 * their own. Older C libraries have the same functions under the old names; a newer one's own are taken before these. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OLDER __attribute__((weak))

OLDER long __isoc23_strtol(const char *text, char **end, int base) { return strtol(text, end, base); }
OLDER long long __isoc23_strtoll(const char *text, char **end, int base) { return strtoll(text, end, base); }
OLDER unsigned long __isoc23_strtoul(const char *text, char **end, int base) { return strtoul(text, end, base); }
OLDER unsigned long long __isoc23_strtoull(const char *text, char **end, int base) { return strtoull(text, end, base); }

OLDER int __isoc23_sscanf(const char *text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int count = vsscanf(text, format, args);
  va_end(args);
  return count;
}

OLDER int __isoc23_fscanf(FILE *file, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int count = vfscanf(file, format, args);
  va_end(args);
  return count;
}
