package kernel

import (
	"os"
	"regexp"
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
