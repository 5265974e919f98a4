// Package devicetest checks that a device keeps the contract of package tape. A device's test is one line:
//
//	func TestDevice(t *testing.T) { devicetest.Run(t, cpu.New()) }
//
// Expected values come from the formulas of package tape, in plain float64 loops written here, with tolerances
// derived from the operation. Only random programs are compared with ref; their numbers are small integers, on
// which every device is exact.
//
// devicetest must not know how any device works. A check may be hard on shortcuts that devices are likely to
// take, such as keeping a packed matrix, but fails only where a rule of package tape is broken.
package devicetest

import (
	"testing"

	"github.com/unroll-ml/unroll/graph/tape"
)

// Run tests d with tapes of the given float types, Float32 and Float64 if there are none. Each rule of the
// contract is a subtest; where d breaks it, the failure says the rule in words.
func Run(t *testing.T, d tape.Device, floats ...tape.Dtype) {
	if len(floats) == 0 {
		floats = []tape.Dtype{tape.Float32, tape.Float64}
	}
	for _, f := range floats {
		t.Run(f.String(), func(t *testing.T) {
			for _, c := range checks {
				t.Run(c.name, func(t *testing.T) {
					if err := c.run(d, f); err != nil {
						t.Errorf("%v\nthe rule: %s", err, c.rule)
					}
				})
			}
		})
	}
}

// A check is one rule of the contract.
type check struct {
	name string
	rule string
	run  func(d tape.Device, f tape.Dtype) error // the first violation that it finds
}

var checks = concat(slotChecks, errorChecks, productChecks, fnChecks, mapChecks, reduceChecks, rowsChecks, moveChecks,
	randomChecks,
	loopChecks, packChecks, hostChecks, allReduceChecks, programChecks)

func concat(lists ...[]check) []check {
	var all []check
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}
