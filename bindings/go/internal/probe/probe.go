// Package probe does what Go cannot do by itself, for the tests: it forks without exec, and exits as C does.
package probe

/*
#cgo pkg-config: nano
#include <nano.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

// Asks NANO in a child, which does nothing else, and gives what it said.
static int probe_fork(void) {
  int ends[2], said = 0;
  if (pipe(ends)) return 1;
  pid_t child = fork();
  if (child == 0) {
    nano_runtime *runtime = NULL;
    said = nano_runtime_new(NULL, &runtime, NULL);
    _exit(write(ends[1], &said, sizeof said) != sizeof said);
  }
  close(ends[1]);
  if (read(ends[0], &said, sizeof said) != sizeof said) said = 1;
  close(ends[0]);
  waitpid(child, NULL, 0);
  return said;
}
*/
import "C"

// Fork gives the status that NANO answers with in a child of this process.
func Fork() int { return int(C.probe_fork()) }

// Exit ends this process as programs in C do, with what they have to do at their end.
func Exit(code int) { C.exit(C.int(code)) }
