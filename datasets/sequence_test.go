package datasets

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pkg/errors"
	"pgregory.net/rapid"
)

// prose is a text of words and lines, some of them with CRLF, and of characters of all lengths.
func prose(seed uint64, words int) string {
	r := rand.New(rand.NewPCG(seed, 0))
	var b strings.Builder
	for range words {
		b.WriteString([]string{"to", "be", "größe", "日本", "🚢", "x1", "don't"}[r.IntN(7)])
		b.WriteString([]string{" ", " ", " ", "\n", "\r\n", "\t", "\u00a0", ", "}[r.IntN(8)])
	}
	return b.String()
}

// onDisk is a text that is read from the disk whenever it is wanted.
func onDisk(t testing.TB, data string) *Text {
	t.Helper()
	text, err := OpenText(write(t, "a.txt", []byte(data)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { text.Close() })
	if text.InMemory() {
		t.Fatal("the text is in memory")
	}
	return text
}

// A text on the disk is the same text, with the same tokens, whatever is read of it and in what order.
func TestOnDisk(t *testing.T) {
	data := byteOrderMark + prose(1, 40_000)
	text, err := NewText("a.txt", data)
	if err != nil {
		t.Fatal(err)
	}
	disk := onDisk(t, data)
	if disk.Len() != text.Len() || disk.SHA256 != text.SHA256 || whole(t, disk) != whole(t, text) ||
		whole(t, text) != strings.ReplaceAll(data[3:], "\r\n", "\n") {
		t.Fatal("the texts differ")
	}
	if n := len(disk.blocks); n < 10 {
		t.Fatalf("%d blocks: too few to be a test", n)
	}
	for _, kind := range Kinds {
		v := build(t, VocabConfig{Kind: kind, Size: 40}, strings.ReplaceAll(whole(t, text), "🚢", "x"))
		want, _ := v.EncodeLine(whole(t, text)) // in one piece
		if diff := cmp.Diff(Slice(want), v.mustEncode(t, text)); diff != "" {
			t.Fatalf("%s: blocks give other tokens than the whole: %s", kind, diff)
		}
		s, err := v.Encode(disk)
		if err != nil {
			t.Fatal(err)
		}
		if s.Len() != len(want) {
			t.Fatalf("%s: %d tokens on the disk, %d in memory", kind, s.Len(), len(want))
		}
		if got, want := v.Unknown(s), v.Unknown(Slice(want)); got != want || want == 0 {
			t.Errorf("%s: %d tokens are unknown, in memory %d", kind, got, want)
		}
		t.Log(kind)
		reads(t, s, want)
	}
}

// reads compares what a sequence gives with its tokens, read here and there.
func reads(t *testing.T, x Sequence, want []int32) {
	t.Helper()
	r := rand.New(rand.NewPCG(2, 0))
	for range 300 {
		from := r.IntN(len(want))
		got := make([]int32, r.IntN(min(len(want)-from, 30_000)+1))
		if err := x.Read(from, got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want[from:from+len(got)]) {
			t.Fatalf("%d tokens from %d on differ", len(got), from)
		}
	}
	for _, bad := range [][2]int{{-1, 1}, {len(want), 1}, {0, len(want) + 1}} {
		if err := x.Read(bad[0], make([]int32, bad[1])); err == nil {
			t.Errorf("%d tokens from %d on of %d were read", bad[1], bad[0], len(want))
		}
	}
}

// However often a text is read, only so many of its blocks are in memory.
func TestHeldBlocks(t *testing.T) {
	disk := onDisk(t, strings.Repeat(strings.Repeat("x", blockBytes-1)+"\n", maxHeldBlocks+3))
	s, err := build(t, VocabConfig{Kind: Char}, "x\n").Encode(disk)
	if err != nil {
		t.Fatal(err)
	}
	x := s.(*Encoded)
	one := make([]int32, 1)
	for i := range 3 * (maxHeldBlocks + 3) {
		if err := s.Read(i*blockBytes%s.Len(), one); err != nil {
			t.Fatal(err)
		}
		if n := x.recent.Len(); n > maxHeldBlocks || len(x.held) != n {
			t.Fatalf("%d blocks held, %d found", n, len(x.held))
		}
	}
	if _, ok := x.held[maxHeldBlocks+2]; !ok {
		t.Error("the block that was read last is not held")
	}
}

// Parts are cut at characters, or behind the white space after them, and are the text when they are joined.
func TestCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching("[ab \n]{1,200}").Draw(t, "text")
		if rapid.Bool().Draw(t, "long") {
			s = prose(rapid.Uint64().Draw(t, "seed"), 10_000)
		}
		text, err := NewText("x", s)
		if err != nil {
			t.Fatal(err)
		}
		s = whole(t, text)
		runes := []rune(s)
		at := []int{rapid.IntRange(0, len(runes)).Draw(t, "first"), rapid.IntRange(0, len(runes)).Draw(t, "second")}
		slices.Sort(at)
		words := rapid.Bool().Draw(t, "words")
		parts, err := text.Cut(words, at...)
		if err != nil {
			t.Fatal(err)
		}
		joined, chars := "", 0
		for i, p := range parts {
			if p.Len() != len([]rune(whole(t, p))) {
				t.Fatalf("part %d has %d characters, counts %d", i, len([]rune(whole(t, p))), p.Len())
			}
			if p.Len() > 0 {
				line, col, err := p.Position(0)
				if wantLine, wantCol := 1+strings.Count(joined, "\n"),
					1+len([]rune(joined[strings.LastIndex(joined, "\n")+1:])); err != nil || line != wantLine || col != wantCol {
					t.Fatalf("part %d begins at %d:%d, %v; want %d:%d", i, line, col, err, wantLine, wantCol)
				}
			}
			joined += whole(t, p)
			if chars += p.Len(); i == len(at) {
				break
			}
			want := at[i]
			for words && want > 0 && want < len(runes) && !strings.ContainsRune(" \t\n\u00a0", runes[want-1]) {
				want++
			}
			if words && want == len(runes) && !strings.ContainsRune(" \t\n\u00a0", runes[want-1]) {
				want = at[i] // there is none
			}
			if chars != want {
				t.Fatalf("part %d ends at %d, want %d of %q", i, chars, want, s)
			}
		}
		if joined != s {
			t.Fatal("the parts are not the text")
		}
	})
}

// A text that changes under a reader is an error.
func TestTextChanges(t *testing.T) {
	data := prose(1, 20_000)
	for what, change := range map[string]func(path string) error{
		"shorter": func(path string) error { return os.Truncate(path, 10_000) },
		"other":   func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("ä", len(data))), 0o644) },
		"same letters": func(path string) error {
			time.Sleep(20 * time.Millisecond) // for the clock of the file system
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte("x"), 3)
			return err
		},
		"no text": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("\xff", len(data))), 0o644) },
	} {
		disk := onDisk(t, data)
		s, err := NewVocab(disk).Encode(disk)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(disk.Name); err != nil {
			t.Fatal(err)
		}
		err = s.Read(disk.Len()/2, make([]int32, 100))
		var e *Error
		if want := disk.Name + ": the file has changed while it was used: leave it as it is, and " +
			"repeat the command"; !errors.As(err, &e) || err.Error() != want {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
}

// The rules for what is a text are those of texts in memory.
func TestOnDiskRefuses(t *testing.T) {
	long := strings.Repeat("one two\r\n", 5000)
	for bad, want := range map[string]string{"\x00": "NUL, so this is not text: choose another file",
		"\xc3": "(0xc3) is not UTF-8: convert the text to UTF-8, for example with iconv, or choose another file"} {
		path := write(t, "a.txt", []byte(byteOrderMark+long+"x"+bad))
		_, err := OpenText(path)
		if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("%s:5001:2: byte %d ", path, 3+len(long)+1)) ||
			!strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	disk := onDisk(t, long)
	text, err := NewText("b.txt", strings.Repeat("one\r\n", 10_000)+"xy")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewVocab(disk).Encode(text); err == nil || !strings.HasPrefix(err.Error(),
		"b.txt:10001:1: the character 'x' (U+0078) is not in the vocabulary of 7 characters") {
		t.Error(err)
	}
}
