package run

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/datasets/series"
)

// inMemory is what data are called that a program has made and not named. No file has them.
const inMemory = "data in memory"

// sumOf is the sum that tells data from others: that of their file or, if a program has made them, of what they hold.
func sumOf(sum string, data any) string {
	if sum != "" {
		return sum
	}
	of := sha256.New()
	fmt.Fprintf(of, "%#v", data)
	return hex.EncodeToString(of.Sum(nil))
}

// identifiedTable, identifiedCases and identifiedSet are data with a name and a sum.
func identifiedTable(t datasets.Table) *datasets.Table {
	t.Name, t.SHA256 = cmp.Or(t.Name, inMemory), sumOf(t.SHA256, t.Rows)
	return &t
}

func identifiedCases(c series.Cases) *series.Cases {
	c.Name, c.SHA256 = cmp.Or(c.Name, inMemory), sumOf(c.SHA256, c.Cases)
	return &c
}

func identifiedSet(s series.Set) *series.Set {
	s.Name, s.SHA256 = cmp.Or(s.Name, inMemory), sumOf(s.SHA256, s.Series)
	return &s
}

// readAgain says of data that only the program had, or another one, that they cannot be read again.
func readAgain(dir string, paths ...string) error {
	for _, path := range paths {
		if path == inMemory {
			return badData("%s: the run was trained on data in memory, which no file has: name some to measure on",
				filepath.Join(dir, ConfigName))
		}
	}
	return nil
}
