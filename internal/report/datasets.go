package report

import (
	"fmt"
	"strings"

	"github.com/unroll-ml/unroll/internal/catalog"
	"github.com/unroll-ml/unroll/internal/recipes"
	"github.com/unroll-ml/unroll/internal/words"
)

// DataSets says which data sets are known, and whether a folder has them.
func DataSets(dir string) string {
	var b strings.Builder
	for i := range catalog.Sets {
		s := &catalog.Sets[i]
		here := "here"
		if len(s.Missing(dir)) > 0 {
			here = "not here"
		}
		fmt.Fprintf(&b, "%s  (%s, %s)\n  %s\n  licence: %s\n", s.Name, megabytes(s.Bytes()), here, s.What, s.Licence)
	}
	return b.String()
}

// DataSet says what a data set has.
func DataSet(s *catalog.Set) string {
	return fmt.Sprintf("%s: %s, %s", s.Name, words.Count(len(s.Files), "file", "files"), megabytes(s.Bytes()))
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

// Recipes is a table of the recipes.
func Recipes() string {
	var b strings.Builder
	for _, r := range recipes.All() {
		fmt.Fprintf(&b, "%s  (train %s)\n", r.Name, r.Task)
		for _, line := range []string{"data: " + r.About.Data, "reaches: " + r.About.Reaches, "time: " + r.About.Time} {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}
