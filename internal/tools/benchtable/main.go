// Command benchtable turns the output of `go test -bench` into a Markdown table
// with the machine it ran on. It passes what it reads on to standard error, so
// that a long run can be watched.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

var (
	result = regexp.MustCompile(`^Benchmark(\S+?)(-\d+)?\s+(\d+)\s+(.*)$`)
	metric = regexp.MustCompile(`([0-9.e+-]+) (\S+)`)
)

func main() {
	if err := run(os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "benchtable:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out, echo io.Writer) error {
	header(out)
	failed := false
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		fmt.Fprintln(echo, line)
		switch {
		case strings.HasPrefix(line, "pkg: "):
			pkg := strings.TrimPrefix(line, "pkg: github.com/quorate/quorate/")
			fmt.Fprintf(out, "\n## %s\n\n| benchmark | figures |\n|---|---|\n", pkg)
		case strings.HasPrefix(line, "FAIL"):
			failed = true
		default:
			row(out, line)
		}
	}
	if failed {
		return fmt.Errorf("a benchmark failed; see above")
	}
	return lines.Err()
}

func header(out io.Writer) {
	cpu := "unknown"
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(raw), "model name\t: "); ok {
			cpu, _, _ = strings.Cut(after, "\n")
		}
	}
	kernel, _ := exec.Command("uname", "-sr").Output() // unknown is no reason to fail
	fmt.Fprintf(out, `# Figures

Written by `+"`make bench`"+`. Absolute figures move with the machine and its load; a
ratio, or a figure beside its floor in the same run, says more. None of them gates
a build.

%s, %s, %d cores (%s), %s
`, time.Now().UTC().Format(time.DateOnly), runtime.Version(), runtime.NumCPU(), cpu, strings.TrimSpace(string(kernel)))
}

// row writes one result, its figures with the unit behind them.
func row(out io.Writer, line string) {
	m := result.FindStringSubmatch(line)
	if m == nil {
		return
	}
	var figures []string
	for _, f := range metric.FindAllStringSubmatch(m[4], -1) {
		if v, err := strconv.ParseFloat(f[1], 64); err == nil && (v != 0 || !strings.HasSuffix(f[2], "ns/op")) {
			figures = append(figures, strconv.FormatFloat(v, 'g', 4, 64)+" "+f[2])
		}
	}
	fmt.Fprintf(out, "| %s | %s |\n", m[1]+cores(m[2]), strings.Join(figures, " · "))
}

// cores says on how many cores a benchmark ran, from the suffix go test gives it.
func cores(suffix string) string {
	if suffix == "" {
		return ", one core"
	}
	return ", " + suffix[1:] + " cores"
}
