package main

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets/catalog"
	"github.com/unroll-ml/unroll/internal/cmdline"
	"github.com/unroll-ml/unroll/internal/interrupt"
	"github.com/unroll-ml/unroll/internal/report"
	"github.com/unroll-ml/unroll/trainer/run"
)

// dataCmd is the group of commands about known data sets.
type dataCmd struct {
	List dataListCmd `cmd:"" help:"List the data sets that can be downloaded."`
	Get  dataGetCmd  `cmd:"" help:"Download data sets, unless they are there, and verify them."`
	Path dataPathCmd `cmd:"" help:"Say where a data set is."`
}

type dataListCmd struct{}

func (dataListCmd) Run(a *app) error {
	dir, err := dataDir()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%sin %s; %s names another folder\n", report.DataSets(dir), dir, catalog.DirEnv)
	return errors.WithStack(err)
}

type dataGetCmd struct {
	Names []string `arg:"" name:"NAME" help:"Name of a data set; see unroll data list."`
}

func (g *dataGetCmd) Run(a *app) error {
	sets := make([]*catalog.Set, len(g.Names))
	for i, name := range g.Names {
		var err error
		if sets[i], err = findSet(name); err != nil {
			return err
		}
	}
	dir, err := dataDir()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), interrupt.Signals...)
	defer stop()
	store := newStore(dir)
	store.Progress = report.Downloads(a.stderr)
	store.Waiting = func(pid int) { fmt.Fprintf(a.stderr, "unroll: waiting for process %d, which gets it\n", pid) }
	for _, s := range sets {
		if err := store.Get(ctx, s); err != nil {
			return getError(s, dir, err)
		}
		if _, err := fmt.Fprintf(a.stdout, "%s, verified, in %s\nnext:\n  %s\n",
			report.DataSet(s), s.Folder(dir), trainsOn(s, dir)); err != nil {
			return errors.WithStack(err)
		}
	}
	return nil
}

// trainsOn is the command that trains on a data set.
func trainsOn(s *catalog.Set, dir string) string {
	command := []string{calledAs, "train"}
	for task, kinds := range run.DataKinds {
		if len(s.Flags) > 0 && slices.Contains(kinds, strings.TrimPrefix(s.Flags[0].Name, "--")) {
			command = append(command, task)
		}
	}
	for _, word := range s.Arguments(dir) {
		command = append(command, cmdline.Quote(word))
	}
	return strings.Join(command, " ")
}

type dataPathCmd struct {
	Name string `arg:"" name:"NAME" help:"Name of a data set; see unroll data list."`
}

func (p *dataPathCmd) Run(a *app) error {
	s, err := findSet(p.Name)
	if err != nil {
		return err
	}
	dir, err := dataDir()
	if err != nil {
		return err
	}
	if missing := s.Missing(dir); len(missing) > 0 {
		return fail(exitNoInput, "%s lacks %s: get it with %s data get %s, or name another folder with %s", s.Folder(dir),
			missing[0], calledAs, s.Name, catalog.DirEnv)
	}
	_, err = fmt.Fprintln(a.stdout, s.Folder(dir))
	return errors.WithStack(err)
}

// newStore is the folder of data sets; tests have one without a network.
var newStore = func(dir string) *catalog.Store { return &catalog.Store{Dir: dir} }

func dataDir() (string, error) {
	dir, err := catalog.DefaultDir()
	if err != nil {
		return "", fail(exitNoOutput, "%v", err)
	}
	return dir, nil
}

func findSet(name string) (*catalog.Set, error) {
	if s, ok := catalog.Find(name); ok {
		return s, nil
	}
	var names []string
	for _, s := range catalog.Sets {
		names = append(names, s.Name)
	}
	return nil, usage("there is no data set %q: it must be one of %s", name, strings.Join(names, ", "))
}

// getError is why a data set could not be had, and what to do. Errors about contents pass.
func getError(s *catalog.Set, dir string, err error) error {
	var (
		status  *catalog.StatusError
		network *catalog.NetworkError
		path    *fs.PathError
	)
	elsewhere := fmt.Sprintf("or put the files from %s into %s", s.Home, s.Folder(dir))
	switch {
	case errors.Is(err, context.Canceled):
		return fail(exitStopped, "stopped: repeat the command to go on from there")
	case errors.As(err, &status) && (status.Status == http.StatusNotFound || status.Status == http.StatusGone):
		return fail(exitNoInput, "%v: see whether a newer unroll knows another address, %s", status, elsewhere)
	case errors.As(err, &status):
		return fail(exitIO, "%v: try again later, %s", status, elsewhere)
	case errors.As(err, &network):
		return fail(exitIO, "%v: check the network and repeat the command, it goes on from there, %s", network, elsewhere)
	case errors.As(err, &path) &&
		(errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR)):
		return fail(exitNoOutput, "%s cannot be written (%v): name another folder with %s", path.Path, path.Err,
			catalog.DirEnv)
	}
	return err
}
