package mutate

import (
	"fmt"
	"strings"
)

// Report says how many mutants a test told from the original.
type Report struct {
	Made, Found map[Kind]int
	Survivors   []Mutant
}

// Run gives each mutant to detect, which returns an error if it finds the mutant wrong.
func Run(mutants []Mutant, detect func(text string) error) *Report {
	r := &Report{Made: map[Kind]int{}, Found: map[Kind]int{}}
	for _, m := range mutants {
		r.Made[m.Kind]++
		if detect(m.Text()) != nil {
			r.Found[m.Kind]++
		} else {
			r.Survivors = append(r.Survivors, m)
		}
	}
	return r
}

// Rate is the part of all mutants that was found.
func (r *Report) Rate() float64 {
	made, found := 0, 0
	for k, n := range r.Made {
		made += n
		found += r.Found[k]
	}
	if made == 0 {
		return 1
	}
	return float64(found) / float64(made)
}

// String is a table of kinds, and the survivors.
func (r *Report) String() string {
	var b strings.Builder
	for _, k := range Kinds() {
		if r.Made[k] > 0 {
			fmt.Fprintf(&b, "%-8s  %4d of %4d found\n", k, r.Found[k], r.Made[k])
		}
	}
	fmt.Fprintf(&b, "all       %.1f%%\n", 100*r.Rate())
	for _, m := range r.Survivors {
		fmt.Fprintf(&b, "survived: %v\n", m)
	}
	return b.String()
}
