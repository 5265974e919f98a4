package series

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/setting"
)

// oneLine wants an error of one line that names the file or a setting.
func oneLine(t *testing.T, path string, err error) {
	t.Helper()
	var e *datasets.Error
	var s *setting.Error
	if errors.As(err, &s) {
		return
	}
	if !errors.As(err, &e) || !strings.Contains(e.Error(), path) || strings.ContainsAny(e.Error(), "\n\r") {
		t.Errorf("got %v, want an *Error of one line", err)
	}
}

// finite wants values that are finite or missing, equally many in all channels, with the last one there.
func finite(t *testing.T, channels [][]float64) {
	t.Helper()
	last := false
	for _, c := range channels {
		if len(c) != len(channels[0]) || len(c) == 0 {
			t.Fatalf("%d and %d values", len(c), len(channels[0]))
		}
		for _, x := range c {
			if math.IsInf(x, 0) {
				t.Fatalf("value %g", x)
			}
		}
		last = last || !math.IsNaN(c[len(c)-1])
	}
	if !last {
		t.Fatal("the last value is missing")
	}
}

func FuzzRead(f *testing.F) {
	seeds := []string{
		"V1,V2\nH1,605,586\nH2,3124,,\n", "date;y\n2020-01-01;1\n2020-01-03;2\n", "a\t1\tNaN\n\"b\"\t2\n",
		"@attribute series_name string\n@attribute start date\n@frequency monthly\n@horizon 2\n@data\na:1990-01-31 " +
			"00-00-00:1,?,3\n",
		"id,date,y,k,s\na,1/13/2020,1,2,x\na,1/14/2020,,3,x\n", ",0\n1821,269\n1822,321\n",
		"Page,2015-07-01,2015-07-02\na,1,2\n",
		"date,a,b\n2020Q1,1,2\n2020Q2,3,4\n",
	}
	for i, s := range seeds {
		f.Add([]byte(s), uint8(i), i%2 == 0)
	}
	f.Add(zip(f, seeds[0]), uint8(0), false)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, fill bool) {
		path := dir + "/a" + []string{".csv", ".csv", ".csv", ".tsf"}[kind%4]
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		o := Options{FillGaps: fill, Layout: []string{"", Wide, Long, Columns}[kind/4%4]}
		if kind&64 != 0 {
			o.Known, o.Static = []string{"3"}, []string{"4"}
		}
		set, err := Read(path, o)
		if err != nil {
			oneLine(t, path, err)
			return
		}
		if len(set.Series) == 0 || len(set.Targets) == 0 {
			t.Fatalf("%d series of %d targets", len(set.Series), len(set.Targets))
		}
		for _, s := range set.Series {
			if len(s.Values) != len(set.Targets) || len(s.Known) != len(set.Known) || len(s.Static) != len(set.Static) ||
				s.Line < 1 ||
				s.Start.IsZero() && !set.Step.IsZero() && s.Start.Year() != 1 {
				t.Fatalf("%+v of %+v", s, set)
			}
			finite(t, s.Values)
			for _, k := range s.Known {
				if len(k) < s.Len() || len(k) != len(s.Known[0]) {
					t.Fatalf("%d covariates, %d values", len(k), s.Len())
				}
			}
		}
	})
}

func FuzzReadCases(f *testing.F) {
	for i, s := range []string{
		"# x\n@univariate true\n@classLabel true a b\n@data\n1,?,3:a\n4:b\n",
		"@targetLabel true\n@data\n(0,1),(2,3):(1,2):0.5\n", "1\t2\tNaN\n2\t3\t4\n",
		"id,step,x,label\na,0,1,u\na,1,2,u\nb,0,3,v\n", "@data\n1:2:\n::3,4\n", "label,a\nx,1\ny,2\n",
		"@timestamps true\n@data\n(2004-08-10 18:00:00,1)\n",
	} {
		f.Add([]byte(s), uint8(i), i%2 == 0)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, fill bool) {
		path := dir + "/a" + []string{".ts", ".ts", ".tsv", ".csv"}[kind%4]
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := ReadCases(path, Options{FillGaps: fill, Regression: kind&64 != 0, Layout: []string{"",
			Wide, Long}[kind/4%3]})
		if err != nil {
			oneLine(t, path, err)
			return
		}
		if len(c.Cases) == 0 || c.Channels < 1 {
			t.Fatalf("%d cases of %d channels", len(c.Cases), c.Channels)
		}
		for _, x := range c.Cases {
			if len(x.Values) != c.Channels || x.Line < 1 || math.IsNaN(x.Number) || !c.Unlabelled && x.Label == "" {
				t.Fatalf("%+v", x)
			}
			finite(t, x.Values)
		}
		if !c.Unlabelled && len(c.Names()) == 0 {
			t.Fatal("no classes")
		}
	})
}
