package datasets

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pkg/errors"
)

// encodedOn is the tokens of a text on the disk.
func encodedOn(t testing.TB, v *Vocab, text *Text) *Encoded {
	t.Helper()
	s, err := v.Encode(text)
	if err != nil {
		t.Fatal(err)
	}
	return s.(*Encoded)
}

// kept is what can read its tokens from a file: an Encoded, or an EncodedPairs.
type kept interface {
	Size() int64
	Write(ctx context.Context, to io.Writer) error
	Use(f *os.File) error
	Close() error
}

// tokensWritten are the bytes that it writes.
func tokensWritten(t testing.TB, x kept) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := x.Write(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	if int64(b.Len()) != x.Size() {
		t.Fatalf("%d bytes, %d were announced", b.Len(), x.Size())
	}
	return b.Bytes()
}

// uses lets it use a file that holds data.
func uses(t testing.TB, x kept, data []byte) (path string, err error) {
	t.Helper()
	path = write(t, "tokens", data)
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err = x.Use(f); err != nil {
		f.Close()
	}
	t.Cleanup(func() { x.Close() })
	return path, err
}

// The tokens in a file are those of the text, whatever the vocabulary, in as few bytes as its size allows; they are
// there while the text is not.
func TestTokenFile(t *testing.T) {
	data := prose(1, 40_000)
	words := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(string(rune('a'+i%26)) + string(rune(0x4e00+i/26)) + " ")
		}
		return b.String()
	}
	for _, c := range []struct {
		config VocabConfig
		text   string
		width  int
	}{
		{VocabConfig{Kind: Char}, data, 1},
		{VocabConfig{Kind: BPE, Size: 40}, data, 1},
		{VocabConfig{Kind: Word}, words(252), 1}, // and four that are reserved
		{VocabConfig{Kind: Word}, words(253), 2},
		{VocabConfig{Kind: Word}, words(65_533), 4},
	} {
		disk := onDisk(t, c.text)
		v := build(t, c.config, strings.ReplaceAll(c.text, "🚢", "x"))
		x := encodedOn(t, v, disk)
		want := make([]int32, x.Len())
		if err := x.Read(0, want); err != nil {
			t.Fatal(err)
		}
		file := tokensWritten(t, x)
		if n := len(tokenMark) + 64 + 8 + c.width*len(want); len(file) != n || !IsTokens(bytes.NewReader(file)) {
			t.Errorf("%s of %d: %d bytes, want %d", v.Kind(), v.Len(), len(file), n)
		}
		reads(t, x, want) // writing changes nothing
		if _, err := uses(t, x, file); err != nil {
			t.Fatal(err)
		}
		disk.contents.file.Close()
		reads(t, x, want)
		if v.Unknown(x) != v.Unknown(Slice(want)) {
			t.Errorf("%d unknown", v.Unknown(x))
		}
		x.Close()
		if err := x.Read(x.Len()-1, make([]int32, 1)); err == nil {
			t.Error("a token was read from files that are closed")
		}
	}
}

// A file that is not to the byte what would be written is not used, and the text is read as before.
func TestOtherTokens(t *testing.T) {
	data := prose(1, 20_000)
	disk := onDisk(t, data)
	v := build(t, VocabConfig{Kind: Word}, data)
	x := encodedOn(t, v, disk)
	want := make([]int32, x.Len())
	if err := x.Read(0, want); err != nil {
		t.Fatal(err)
	}
	file := tokensWritten(t, x)
	parts, err := disk.Cut(true, disk.Len()/2)
	if err != nil {
		t.Fatal(err)
	}
	swapped := build(t, VocabConfig{Kind: Word}, strings.NewReplacer("to", "be", "be", "to").Replace(data))
	wrong := map[string][]byte{
		"another text":       tokensWritten(t, encodedOn(t, v, onDisk(t, prose(2, 20_000)))),
		"another vocabulary": tokensWritten(t, encodedOn(t, swapped, disk)),
		"a part":             tokensWritten(t, encodedOn(t, v, parts[0])),
		"nothing":            nil,
		"too short":          file[:len(file)-1],
		"too long":           append(slices.Clone(file), 0),
	}
	for name, at := range map[string]int{"a byte in the mark": 3, "a byte of what they depend on": 20,
		"a byte in the middle": len(file) / 2, "a byte at the end": len(file) - 1} {
		wrong[name] = slices.Clone(file)
		wrong[name][at] ^= 1
	}
	for name, bytes := range wrong {
		if _, err := uses(t, x, bytes); !errors.Is(err, ErrOtherTokens) {
			t.Errorf("%s: %v", name, err)
		}
		reads(t, x, want)
	}
	if swapped.Len() != v.Len() {
		t.Fatalf("%d and %d words: not the test that was meant", swapped.Len(), v.Len())
	}
}

// What is damaged while it is used is read from the text again.
func TestTokensDamagedInUse(t *testing.T) {
	data := prose(1, 20_000)
	x := encodedOn(t, build(t, VocabConfig{Kind: Word}, data), onDisk(t, data))
	want := make([]int32, x.Len())
	if err := x.Read(0, want); err != nil {
		t.Fatal(err)
	}
	file := tokensWritten(t, x)
	for what, damage := range map[string]func(path string) error{
		"shorter":          func(path string) error { return os.Truncate(path, 500) },
		"no tokens of its": func(path string) error { return os.WriteFile(path, bytes.Repeat([]byte{255}, len(file)), 0o644) },
	} {
		path, err := uses(t, x, file)
		if err != nil {
			t.Fatal(err)
		}
		if err := damage(path); err != nil {
			t.Fatal(err)
		}
		reads(t, x, want)
		if x.file != nil {
			t.Errorf("%s: the file is still in use", what)
		}
	}
}

// Writing ends early with the reason for it.
func TestTokensUnwritten(t *testing.T) {
	data := prose(1, 20_000)
	disk := onDisk(t, data)
	x := encodedOn(t, build(t, VocabConfig{Kind: Word}, data), disk)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := x.Write(ctx, &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	full, err := os.OpenFile(filepath.Join(t.TempDir(), "closed"), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	full.Close()
	if err := x.Write(context.Background(), full); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
	if err := os.Truncate(disk.Name, 100); err != nil {
		t.Fatal(err)
	}
	var e *Error
	if err := x.Write(context.Background(), &bytes.Buffer{}); !errors.As(err, &e) ||
		!strings.Contains(e.What, "changed while it was used") {
		t.Errorf("%v", err)
	}
}
