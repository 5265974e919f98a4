package main

import (
	"context"
	"fmt"
	"os/signal"
	"slices"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/internal/configfile"
	"github.com/unroll-ml/unroll/internal/interrupt"
	"github.com/unroll-ml/unroll/internal/report"
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
	_, err = fmt.Fprintf(a.prose(), "%sin %s; %s names another folder\n", report.DataSets(dir), dir, catalog.DirEnv)
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
	return a.get(sets, func(s *catalog.Set, dir string) error {
		if _, err := fmt.Fprintf(a.prose(), "%s, verified, in %s\n", report.DataSet(s), s.Folder(dir)); err != nil {
			return errors.WithStack(err)
		}
		return report.WriteNext(a.prose(), []report.Command{{Line: calledAs + " train --data " + s.Name}})
	})
}

// fetch gets the data sets that are not there.
func (a *app) fetch(sets []*catalog.Set) error {
	dir, err := dataDir()
	if len(sets) == 0 || err != nil {
		return err
	}
	sets = slices.DeleteFunc(sets, func(s *catalog.Set) bool { return len(s.Missing(dir)) == 0 })
	return a.get(sets, func(*catalog.Set, string) error { return nil })
}

// get gets data sets, and calls got after each.
func (a *app) get(sets []*catalog.Set, got func(s *catalog.Set, dir string) error) error {
	dir, err := dataDir()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), interrupt.Signals...)
	defer stop()
	store := newStore(dir)
	store.Progress = report.Downloads(a.stderr)
	store.Waiting = func(pid int) { notice(a.stderr)(fmt.Sprintf("waiting for process %d, which gets it", pid)) }
	for _, s := range sets {
		if err := store.Get(ctx, s); err != nil {
			return getError(s, dir, err)
		}
		if err := got(s, dir); err != nil {
			return err
		}
	}
	return nil
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
	s, err := configfile.FindSet(name)
	if err != nil {
		return nil, usage("%v", err)
	}
	return s, nil
}

// getError is why a data set could not be had, and what to do. Errors about contents pass.
func getError(s *catalog.Set, dir string, err error) error {
	why, what := report.NotGot(s, dir, err)
	if code, ok := map[report.WhyNot]int{report.Stopped: exitStopped, report.Gone: exitNoInput, report.Unreachable: exitIO,
		report.Unwritable: exitNoOutput}[why]; ok {
		return fail(code, "%s", what)
	}
	return err
}
