package words

import "testing"

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		Thousands(0):              "0",
		Thousands(999):            "999",
		Thousands(1000):           "1,000",
		Thousands(12_345_678):     "12,345,678",
		Count(1, "line", "s"):     "1 line",
		Count(2000, "l", "lines"): "2,000 lines",
		Percent(1, 8):             "12.5%",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
