// Package series reads time series as people have them: tables with a row for each moment or for each series, .tsf
// files of the Monash archive, and the labelled series of the UEA and UCR archives; plain or compressed by gzip.
//
// What leaves it is numbers (float64, NaN where one is missing) and times. It knows nothing of models, and of
// errors what package datasets says: a file that cannot be used gives a *datasets.Error that names file and line, a
// file that cannot be read gives an error that wraps the one of the operating system, and a wrong setting gives a
// *setting.Error.
package series

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/unroll-ml/unroll/datasets"
)

// Set is a set of series with the same columns, at equal steps.
type Set struct {
	Name    string   // the file
	SHA256  string   // of its bytes, uncompressed
	Targets []string // the columns to forecast, at least one
	Known   []string // covariates that are known in advance
	Static  []string // categories that do not change
	Step    Step     // the time between two values; zero: the file gives no times
	Season  int      // the usual season of that step, in steps; 0: nothing is known of it
	Horizon int      // what the file says; 0: nothing
	Series  []Series // at least one
	Notes   []string // what was taken for what, and what was left out, in words
}

// Series is one series. It begins and ends with a value: missing ones before and after are no part of it.
type Series struct {
	ID     string
	Line   int         // of the file, where it begins
	Start  time.Time   // of the first value; zero without times
	Values [][]float64 // [target][t], NaN where a value is missing
	Known  [][]float64 // [covariate][t]; may go on after Values ends: the future
	Static []string    // a category for each of Set.Static
}

// Len is the number of steps that have values.
func (s *Series) Len() int { return len(s.Values[0]) }

// trim cuts missing values at both ends, where there is no target, and gives how many there were in front of the
// first value.
func (s *Series) trim() (front int) {
	from, to := extent(s.Values)
	for i, v := range s.Values {
		s.Values[i] = v[from:to:to]
	}
	for i, k := range s.Known {
		s.Known[i] = k[from:]
	}
	return from
}

// extent is where the first value stands and where the last one ends, over all channels, which are equally long; 0,
// 0 if there is none.
func extent(channels [][]float64) (from, to int) {
	from = -1
	for t := range channels[0] {
		for _, c := range channels {
			if !math.IsNaN(c[t]) {
				if to = t + 1; from < 0 {
					from = t
				}
				break
			}
		}
	}
	return max(from, 0), to
}

// Read reads the series of a file: .tsf by its name, and otherwise a table, CSV (RFC 4180) with commas, semicolons
// or tabs between cells.
func Read(path string, o Options) (*Set, error) {
	f, err := readFile(path, o)
	if err != nil {
		return nil, err
	}
	set, err := f.read()
	if err != nil {
		return nil, err
	}
	f.notePlaceholder(func(visit func([]float64)) {
		for _, x := range set.Series {
			for _, values := range x.Values {
				visit(values)
			}
		}
	})
	set.Name, set.SHA256, set.Notes, set.Season = path, sum(f.data), f.notes, set.Step.Season()
	return set, nil
}

func (f *file) read() (*Set, error) {
	switch extension(f.name) {
	case ".tsf":
		return readTSF(f)
	case ".ts":
		return nil, f.wrong(0, "a .ts file has series with a label each, to classify or to predict a number of, and "+
			"none to forecast")
	}
	t, err := look(f)
	if err != nil {
		return nil, err
	}
	layout, err := t.layout()
	if err != nil {
		return nil, err
	}
	if layout == Wide {
		return readWide(t)
	}
	return readLong(t)
}

// missingValues are n of them.
func missingValues(n int) []float64 { return slices.Repeat([]float64{math.NaN()}, n) }

func sum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// extension is what the name of a file ends in, in lower case, .gz aside.
func extension(path string) string {
	return filepath.Ext(strings.TrimSuffix(strings.ToLower(path), ".gz"))
}

// file is a file that is read.
type file struct {
	name      string
	data      []byte
	options   Options
	notes     []string
	delimiter rune // between cells of a table; 0: not known yet
	commas    bool // numbers have decimal commas
	held      int
	most      int // that may be held; 0: not known yet
}

// readFile reads a file that is to be read with these options.
func readFile(path string, o Options) (*file, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	data, err := datasets.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &file{name: path, data: data, options: o}
	if what := datasets.JSON(data, [2]string{"time", "value"}); what != "" {
		return nil, f.wrong(0, "%s", what)
	}
	if extension(path) == ".arff" {
		return nil, f.wrong(0, "a .arff file is not read: use the .ts or .tsv file of the same data, or make CSV of it")
	}
	return f, nil
}

// wrong is what is wrong with a line; 0: with the file.
func (f *file) wrong(line int, format string, args ...any) error {
	return &datasets.Error{File: f.name, Line: line, What: fmt.Sprintf(format, args...)}
}

func (f *file) note(format string, args ...any) {
	f.notes = append(f.notes, f.name+": "+fmt.Sprintf(format, args...))
}

// What is held in memory, and how long a line may be: a wide table has a series in a line, and a compressed one is
// small.
const (
	maxLine   = 1 << 26 // bytes
	maxRecord = 1 << 22 // bytes of CSV: a cell takes a hundred times its own
	ofSeries  = 32      // what a series takes besides its values, in values
)

// maxHeld is how many values may be in memory, and leastHeld how many always may; in between, heldPerByte of
// the file on the disk, so that only a file that is not what it seems is refused. Tests lower them.
var (
	maxHeld   = 1 << 27
	leastHeld = 1 << 24
)

const heldPerByte = 8

// room is how many values of the file may be in memory.
func (f *file) room() int {
	info, err := os.Stat(f.name)
	if err != nil {
		return min(leastHeld, maxHeld)
	}
	return int(min(int64(maxHeld), max(int64(leastHeld), heldPerByte*info.Size())))
}

// hold takes room for values of a line, or says that there is none.
func (f *file) hold(values, line int) error {
	if f.most == 0 {
		f.most = f.room()
	}
	if f.held += values; f.held > f.most {
		return f.wrong(line, "more than %d values (a series counts for %d more), the most that are held in memory: "+
			"use a part of the file, or uncompress it",
			f.most, ofSeries)
	}
	return nil
}
