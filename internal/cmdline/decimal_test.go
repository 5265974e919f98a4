package cmdline

import (
	"testing"

	"github.com/alecthomas/kong"
)

func TestDecimal(t *testing.T) {
	var app struct {
		Seed  uint64
		Batch int
		Sizes []int
		What  int `arg:""`
	}
	parser, err := kong.New(&app, Decimal())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"--seed", "008", "--batch=-010", "--sizes=010,0x10,0", "007"}); err != nil {
		t.Fatal(err)
	}
	if app.Seed != 8 || app.Batch != -10 || len(app.Sizes) != 3 || app.Sizes[0] != 10 || app.Sizes[1] != 16 || app.Sizes[2] != 0 ||
		app.What != 7 {
		t.Errorf("%+v", app)
	}
	if _, err := parser.Parse([]string{"--seed", "0x", "7"}); err == nil ||
		err.Error() != `--seed: expected a valid 64 bit uint but got "0x"` {
		t.Error(err)
	}
}
