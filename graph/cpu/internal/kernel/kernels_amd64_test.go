package kernel

import (
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestEncodings checks that no function for AVX2 uses a register of AVX-512, which the generator hands out
// freely, and that all functions leave with clean upper halves: math.Exp takes 140 times as long after one that
// does not.
func TestEncodings(t *testing.T) {
	text, err := os.ReadFile("kernels_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	wide := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`)
	functions := strings.Split(string(text), "\nTEXT ·")[1:]
	for _, f := range functions {
		name, body, _ := strings.Cut(f, "(SB)")
		lines := strings.Split(body, "\n")
		for i, line := range lines {
			if strings.HasSuffix(name, "AVX2") && wide.MatchString(line) {
				t.Errorf("%s uses AVX-512:%s", name, line)
			}
			if strings.TrimSpace(line) == "RET" && strings.TrimSpace(lines[i-1]) != "VZEROUPPER" {
				t.Errorf("%s returns without VZEROUPPER", name)
			}
		}
	}
	if len(functions) < 90 {
		t.Errorf("found %d functions only", len(functions))
	}
}

// The row of panels of 32, which is for AVX-512, is made of AVX2 alone: a multiply-add for each term, in their order.
func TestRowOf32(t *testing.T) {
	if !slices.Contains(Paths(), AVX2) {
		t.Skip("this processor has no AVX2")
	}
	checkRow(t, rowOf32AVX2, 2, 32, func(k int, a, b, c *float32, acc bool) {
		for col := range 32 {
			sum := float32(0)
			for p := range k {
				sum = float32(math.FMA(float64(*at(a, p)), float64(*at(b, p*32+col)), float64(sum)))
			}
			if acc {
				sum += *at(c, col)
			}
			*at(c, col) = sum
		}
	})
}
