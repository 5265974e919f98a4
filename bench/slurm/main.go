//go:build linux

// Command slurm tries on a real Slurm what docs/clusters.md promises of it.
//
//	go run ./bench/slurm [--only WORDS] [--unroll FILE] [--unroll-mpi FILE] [--times N]
//
// It starts a cluster of two nodes on this machine in about a second (Debian's packages, which it installs if need
// be; root is needed for both), submits the batch scripts of docs/clusters, and compares every byte of the weights
// with those of trainings that nothing happened to. It ends with exit code 1 if a promise was not kept.
//
// This package must know of the command only what a user can see: flags, files, exit codes, signals and messages.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/bench/trial"
)

func main() {
	var h harness
	only := flag.String("only", "", "only rows whose situation contains this")
	flag.StringVar(&h.command, "unroll", "", "the command to try; without it, it is built")
	flag.StringVar(&h.withMPI, "unroll-mpi", "", "the command with MPI; without it, it is built")
	flag.IntVar(&h.times, "times", 1, "how often to kill one of two processes; each takes about half a minute")
	flag.Parse()
	kept, err := h.main(*only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "slurm:", err)
		os.Exit(2)
	}
	if !kept {
		os.Exit(1)
	}
}

// row is a situation, what is promised in it, and how to try it.
type row struct {
	situation, promise string
	try                func(h *harness) error
}

// harness is what rows have.
type harness struct {
	*cluster
	scripts string // the folder of the batch scripts
	command string // unroll
	withMPI string // unroll, built with MPI
	times   int    // to kill one of two processes
	work    string // of the row
	jobs    int    // that were submitted, for the names of their logs
	notes   []string
}

func (h *harness) note(format string, args ...any) {
	h.notes = append(h.notes, fmt.Sprintf(format, args...))
}

func (h *harness) main(only string) (kept bool, err error) {
	if os.Getuid() != 0 {
		return false, errors.New("it must be root, to give each node a host's name")
	}
	if err := install(); err != nil {
		return false, err
	}
	work, err := os.MkdirTemp("", "unroll-slurm-")
	if err != nil {
		return false, errors.WithStack(err)
	}
	defer os.RemoveAll(work)
	if err := os.Chmod(work, 0o755); err != nil { // munge wants that
		return false, errors.WithStack(err)
	}
	root, err := output("go", "list", "-m", "-f", "{{.Dir}}")
	if err != nil {
		return false, err
	}
	h.scripts = filepath.Join(root, "docs", "clusters")
	for _, c := range []struct {
		command *string
		tags    string
	}{{&h.command, ""}, {&h.withMPI, "mpi"}} {
		if err := trial.Build(c.command, filepath.Join(work, "unroll"+c.tags), c.tags); err != nil {
			return false, err
		}
	}
	begin := time.Now()
	if h.cluster, err = start(filepath.Join(work, "slurm"), 2); err != nil {
		return false, err
	}
	defer h.cluster.stop()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-interrupted
		h.cluster.stop()
		os.RemoveAll(work)
		os.Exit(1)
	}()
	version, err := h.run("sinfo", "--version")
	if err != nil {
		return false, err
	}
	fmt.Printf("%s, 2 nodes, up in %.1f s\n\n", version, time.Since(begin).Seconds())
	return report(only, work, *h)
}

// report tries the rows and writes each when it is done.
func report(only, work string, common harness) (kept bool, err error) {
	fmt.Print("| situation | promise | seen | kept |\n|---|---|---|---|\n")
	kept = true
	for i, r := range rows {
		if !strings.Contains(r.situation, only) {
			continue
		}
		h := common
		h.work = filepath.Join(work, fmt.Sprint("row", i))
		if err := os.Mkdir(h.work, 0o755); err != nil {
			return false, errors.WithStack(err)
		}
		if err := os.WriteFile(filepath.Join(h.work, "text.txt"), []byte(trial.Rhyme(3000)), 0o644); err != nil {
			return false, errors.WithStack(err)
		}
		begin, verdict := time.Now(), "yes"
		err := r.try(&h)
		if err != nil {
			kept, verdict = false, "NO"
			h.note("%v", err)
		}
		h.note("%.0f s", time.Since(begin).Seconds())
		fmt.Printf("| %s | %s | %s | %s |\n", r.situation, r.promise, strings.Join(h.notes, "; "), verdict)
	}
	return kept, nil
}

// output is that of a command, without the newline at its end.
func output(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = errors.Errorf("%v: %s", err, tail(string(failed.Stderr)))
	}
	return strings.TrimSpace(string(out)), errors.Wrapf(err, "%s %s", name, strings.Join(args, " "))
}
