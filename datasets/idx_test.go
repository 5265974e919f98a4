package datasets

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// idx is the bytes of an idx file of unsigned bytes.
func idx(data []byte, dims ...int) string {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = append(b, byte(d>>24), byte(d>>16), byte(d>>8), byte(d))
	}
	return string(append(b, data...))
}

func TestReadIDX(t *testing.T) {
	pixels := []byte{0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6} // 2×2×3
	images, err := ReadIDX(write(t, "i", []byte(idx(pixels, 2, 2, 3))), write(t, "l.gz", zip(t, idx([]byte{7, 3}, 2))))
	if err != nil {
		t.Fatal(err)
	}
	if images.Len() != 2 || images.Rows != 2 || images.Cols != 3 {
		t.Fatalf("%d of %d×%d", images.Len(), images.Rows, images.Cols)
	}
	l := images.Labels()
	classes, err := images.Classes(l)
	if diff := cmp.Diff([]int32{1, 0}, classes); diff != "" || err != nil || l.Name(1) != "7" {
		t.Error(diff, err)
	}
	x := make([]float32, 2*3*3)
	x[17] = 9
	images.Fill([]int32{1, 0, -1}, x)
	f := func(p ...float32) (row []float32) {
		for _, p := range p {
			row = append(row, p/255)
		}
		return row
	}
	want := append(f(1, 2, 3, 0, 51, 102, 0, 0, 0), f(4, 5, 6, 153, 204, 255, 0, 0, 0)...)
	if diff := cmp.Diff(want, x); diff != "" {
		t.Error(diff)
	}
	if x[14] != 1 || x[4] != 0.2 {
		t.Errorf("white is %g, a fifth of it %g", x[14], x[4])
	}
}

func TestReadIDXRefuses(t *testing.T) {
	good := idx(make([]byte, 12), 2, 2, 3)
	for _, c := range []struct{ name, data, want string }{
		{"empty", "", "FILE: not an idx file, those begin with two zero bytes: choose another file"},
		{"text", "abcd", "FILE: not an idx file, those begin with two zero bytes: choose another file"},
		{"floats", "\x00\x00\x0d\x03" + good[4:], "FILE: an idx file of type 0x0d, want 0x08, bytes: convert it"},
		{"labels", idx([]byte{1}, 1), "FILE: an idx file of 1 dimensions, want 3: choose another file"},
		{"truncated header", good[:15], "FILE: truncated: 15 bytes of a header of 16: copy or download it again"},
		{"truncated", good[:20], "FILE: truncated: 4 bytes of the 12 that its header announces: copy or download it again"},
		{"too long", good + "x", "FILE: 1 bytes after the 12 that its header announces: copy or download it again"},
		{"a header bomb", idx(nil, 1<<31, 1<<31, 1<<31), "FILE: more than 1073741824 bytes, the most that is read at once, or a damaged header: use a part of it, or download it again"},
		{"an overflow", idx(nil, 1<<16, 1<<16, 1<<16), "FILE: more than 1073741824 bytes, the most that is read at once, or a damaged header: use a part of it, or download it again"},
		{"another number", idx(make([]byte, 18), 3, 2, 3), "FILE: 3 images, and LABELS has 2 labels: they must correspond"},
	} {
		path := write(t, "images", []byte(c.data))
		t.Chdir(filepath.Dir(write(t, "LABELS", []byte(idx([]byte{0, 1}, 2)))))
		_, err := ReadIDX(path, "LABELS")
		wantError(t, c.name, path, err, c.want)
	}
	path := write(t, "images", []byte(idx(nil, 0, 28, 28)))
	_, err := ReadIDX(path, write(t, "labels", []byte(idx(nil, 0))))
	wantError(t, "no images", path, err, "FILE: 0 images of 28×28: there is nothing to learn")
}

func TestReadIDXFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, data string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := ReadIDXFolder(dir)
	var path *fs.PathError
	if !errors.As(err, &path) || path.Path != filepath.Join(dir, "train-images-idx3-ubyte") || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty folder: %v", err)
	}
	put("train-images.idx3-ubyte", idx([]byte{1, 2}, 2, 1, 1))
	put("train-labels-idx1-ubyte.gz", string(zip(t, idx([]byte{1, 2}, 2))))
	train, test, err := ReadIDXFolder(dir)
	if err != nil || train.Len() != 2 || test != nil {
		t.Fatalf("%v, %v, %v", train, test, err)
	}
	put("t10k-images-idx3-ubyte", idx([]byte{1}, 1, 1, 1))
	if _, _, err := ReadIDXFolder(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("labels are missing: %v", err)
	}
	put("t10k-labels-idx1-ubyte", idx([]byte{5}, 1))
	if _, test, err = ReadIDXFolder(dir); err != nil || test.Len() != 1 {
		t.Fatal(err)
	}
	_, err = test.Classes(train.Labels())
	wantError(t, "a label that was never seen", test.Name, err, "FILE: the label 5 of image 0 is not among the 2 labels of the training data: correct it, or train with it")
	put("t10k-images-idx3-ubyte", idx([]byte{1, 2}, 1, 1, 2))
	_, _, err = ReadIDXFolder(dir)
	wantError(t, "other sizes", dir, err, "FILE: images of 1×1 to train on and of 1×2 to measure on: they must be alike")
}

func FuzzParseIDX(f *testing.F) {
	f.Add([]byte(idx(make([]byte, 12), 2, 2, 3)), 3)
	f.Add([]byte(idx([]byte{1, 2}, 2)), 1)
	f.Add([]byte(idx(nil, 1<<31, 1<<31, 0)), 3)
	f.Fuzz(func(t *testing.T, raw []byte, dims int) {
		if dims != 1 && dims != 3 {
			return
		}
		sizes, data, wrong := parseIDX(raw, dims)
		if wrong == "" && idx(data, sizes...) != string(raw) {
			t.Errorf("%v and %d bytes of %q", sizes, len(data), raw)
		}
	})
}
