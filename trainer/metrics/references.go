package metrics

import (
	"fmt"
	"slices"

	"github.com/pkg/errors"
)

// References are what hypotheses should be: for each of them one text or several, each of which is right.
type References [][]string

// One is one reference for each hypothesis.
func One(texts []string) References {
	all := make(References, len(texts))
	for i := range texts {
		all[i] = texts[i : i+1]
	}
	return all
}

// All are those of all hypotheses.
func (r References) All() []string { return slices.Concat(r...) }

// check says whether there are references for so many hypotheses.
func (r References) check(hypotheses int) error {
	if len(r) != hypotheses {
		return errors.Errorf("%d hypotheses and %d references: they must correspond, line by line", hypotheses, len(r))
	}
	for i, refs := range r {
		if len(refs) == 0 {
			return errors.Errorf("hypothesis %d has no reference", i+1)
		}
	}
	return nil
}

// number is how many references there are for each hypothesis, in the form of signatures.
func (r References) number() string {
	if len(r) == 0 {
		return "0"
	}
	for _, refs := range r {
		if len(refs) != len(r[0]) {
			return "var"
		}
	}
	return fmt.Sprint(len(r[0]))
}
