package words

import "testing"

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		Thousands(0):                "0",
		Thousands(999):              "999",
		Thousands(1000):             "1,000",
		Thousands(12_345_678):       "12,345,678",
		Count(1, "line", "s"):       "1 line",
		Count(2000, "l", "lines"):   "2,000 lines",
		Which(1, "is", "are"):       "is",
		Which(0, "is", "are"):       "are",
		Clip("grün", 4):             "grün",
		Clip("grüner", 4):           "grü…",
		Clip("你好吗", 6):              "你好吗",
		Clip("你好吗", 5):              "你好…",
		Clip("你好吗", 4):              "你…",
		Clip("e\u0301te\u0301", 3):  "e\u0301te\u0301",
		Clip("日本語", 0):              "",
		Clip("a日", 2):               "a…",
		Clip("👩\u200d👩\u200d👧x", 2): "…",
		ClipFront("runs/日本", 9):     "runs/日本",
		ClipFront("runs/日本", 8):     "…ns/日本",
		ClipFront("日本語", 5):         "…本語",
		ClipFront("日本語", 4):         "…語",
		ClipFront("日", 1):           "…",
		ClipFront("日", 0):           "",
		ClipFront("xe\u0301a", 2):   "…a",
		ClipFront("xye\u0301a", 3):  "…e\u0301a",
		ClipFront("ab👩\u200d👧", 3):  "…👩\u200d👧",
		ClipFront("ab👩\u200d👧", 2):  "…",
		Pad("你好", 6):                "你好  ",
		Pad("long", 2):              "long",
		Percent(1, 8):               "12.5%",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestWidth(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 3, "日本語": 6, "ｱ": 1, "Ａ": 2, "한": 2, "\u1112\u1161\u11ab": 2, "e\u0301": 1, "שָׁ": 1, "a\u200bb": 2, "😀": 2,
		"👩\u200d👩\u200d👧": 2, "नमस्ते": 4,
	} {
		if got := Width(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestClock(t *testing.T) {
	for seconds, want := range map[float64]string{0: "0:00", 59.6: "1:00", 61: "1:01", 3600: "1:00:00",
		36610: "10:10:10"} {
		if got := Clock(seconds); got != want {
			t.Errorf("%g seconds are %s, want %s", seconds, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0.0 kB", 999_499: "999 kB", 999_500: "1.0 MB", 53_400_000: "53 MB", 1_500_000_000: "1.5 GB", 4e12: "4.0 TB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("%d bytes are %q, want %q", n, got, want)
		}
	}
	for text, want := range map[string]int64{
		"1": 1, "500MB": 5e8, "500 mb": 5e8, "2GiB": 2 << 30, "1.5G": 15e8, "64KiB": 65536, "12B": 12, "1k": 1000,
	} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MB", "-1MB", "5XB", "1e30", "NaN", "5 5MB", "1TBB"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q is %d, want an error", text, got)
		}
	}
}
