package nano_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every block of Go in the manual is an Example, and runs: in a package of its own, beside this one.
func TestTheBlocksOfTheManualRun(t *testing.T) {
	manual, err := os.ReadFile("../../docs/embedding-go.md")
	must(t, err)
	var blocks []string
	for _, block := range regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(manual), -1) {
		blocks = append(blocks, block[1])
	}
	examples := strings.Count(strings.Join(blocks, ""), "func Example")
	if len(blocks) < 6 || examples != len(blocks) {
		t.Fatalf("%d blocks, %d examples", len(blocks), examples)
	}
	imports := ""
	for _, name := range []string{"context", "errors", "fmt", "io", "log", "net/http", "net/http/httptest", "sync", "time"} {
		imports += "\t\"" + name + "\"\n"
	}
	here, err := filepath.Abs(".")
	must(t, err)
	folder := t.TempDir()
	write := func(name, text string) { must(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600)) }
	write("go.mod", "module manual\n\ngo 1.24\n\nrequire nano-isolates/nano v0.0.0\n\nreplace nano-isolates/nano => "+here+"\n")
	write("manual_test.go", "package manual\n\nimport (\n"+imports+"\n\t\"nano-isolates/nano\"\n)\n\n"+strings.Join(blocks, "\n"))
	run := exec.CommandContext(t.Context(), "go", "test", "-v", "./...")
	run.Dir = folder
	out, err := run.CombinedOutput()
	if passed := strings.Count(string(out), "--- PASS: Example"); err != nil || passed != examples {
		t.Errorf("%d of %d: %v\n%s", passed, examples, err, out)
	}
}
