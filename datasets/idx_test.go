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
	classes, _, err := images.Classes(l)
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
		{"labels", idx([]byte{1}, 1), "FILE: an idx file of 1 dimension, want 3: choose another file"},
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

// put writes a file into a folder.
func put(t *testing.T, dir, name, data string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadIDXFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name, data string) { put(t, dir, name, data) }
	_, _, err := ReadIDXFolder(dir, Format{})
	wantError(t, "an empty folder", dir, err, "FILE: the folder is empty: it should hold train-images-idx3-ubyte and "+
		"train-labels-idx1-ubyte, as that of MNIST does")
	if _, _, err = ReadIDXFolder(filepath.Join(dir, "none"), Format{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	put("pictures.zip", "")
	_, _, err = ReadIDXFolder(dir, Format{})
	wantError(t, "no images", dir, err, "FILE: no images, the folder has pictures.zip: it should hold "+
		"train-images-idx3-ubyte and train-labels-idx1-ubyte, as that of MNIST does")
	put("train-images.idx3-ubyte", idx([]byte{1, 2}, 2, 1, 1))
	put("train-labels-idx1-ubyte.gz", string(zip(t, idx([]byte{1, 2}, 2))))
	train, test, err := ReadIDXFolder(dir, Format{})
	if err != nil || train.Len() != 2 || test != nil {
		t.Fatalf("%v, %v, %v", train, test, err)
	}
	put("t10k-images-idx3-ubyte", idx([]byte{1, 3, 9}, 3, 1, 1))
	_, _, err = ReadIDXFolder(dir, Format{})
	wantError(t, "labels are missing", dir, err,
		"FILE: it has t10k-images-idx3-ubyte, and the file that belongs to it is missing: copy or download it, too")
	put("t10k-labels-idx1-ubyte", idx([]byte{5, 2, 5}, 3))
	if _, test, err = ReadIDXFolder(dir, Format{}); err != nil || test.Len() != 3 {
		t.Fatal(err)
	}
	classes, unknown, err := test.Classes(train.Labels())
	if diff := cmp.Diff([]int32{NoClass, 1, NoClass}, classes); diff != "" || unknown.Examples != 2 || err != nil {
		t.Error(diff, unknown, err)
	}
	put("t10k-images-idx3-ubyte", idx([]byte{1, 2, 3, 4, 5, 6}, 3, 1, 2))
	_, _, err = ReadIDXFolder(dir, Format{})
	wantError(t, "other sizes", dir, err, "FILE: images of 1×1 to train on and of 1×2 to measure on: they must be alike")
}

// The names of EMNIST, and a folder with images to measure on alone.
func TestReadIDXFolderOfEMNIST(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "emnist-letters-test-images-idx3-ubyte.gz", string(zip(t, idx([]byte{1, 2, 3, 4, 5, 6}, 1, 2, 3))))
	put(t, dir, "emnist-letters-test-labels-idx1-ubyte.gz", string(zip(t, idx([]byte{1}, 1))))
	put(t, dir, "emnist-letters-mapping.txt", "1 65 97\n")
	train, test, err := ReadIDXFolder(dir, Format{Transpose: true})
	if err != nil || train != nil || test.Len() != 1 {
		t.Fatalf("%v, %v, %v", train, test, err)
	}
	if diff := cmp.Diff([]byte{1, 4, 2, 5, 3, 6}, test.pixels); diff != "" || test.Rows != 3 || test.Cols != 2 {
		t.Error(diff, test.Rows, test.Cols)
	}
	put(t, dir, "emnist-digits-train-images-idx3-ubyte", idx([]byte{1, 2}, 2, 1, 1))
	put(t, dir, "emnist-digits-train-labels-idx1-ubyte", idx([]byte{1, 2}, 2))
	_, _, err = ReadIDXFolder(dir, Format{})
	wantError(t, "two sets", dir, err,
		"FILE: it has several sets of images (emnist-digits, emnist-letters): name one, as in FILE/emnist-letters")
	if train, test, err = ReadIDXFolder(filepath.Join(dir, "emnist-digits"), Format{}); err != nil || train.Len() != 2 ||
		test != nil {
		t.Errorf("%v, %v, %v", train, test, err)
	}
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

// Images can be read without their labels.
func TestReadIDXImages(t *testing.T) {
	dir := t.TempDir()
	pixels := []byte{1, 2, 3, 4, 5, 6}
	for _, name := range []string{"train-images-idx3-ubyte", "t10k-images-idx3-ubyte"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(idx(pixels, 1, 2, 3)), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{dir, path} { // the test images come before the others
			m, err := ReadIDXImages(from, Format{Transpose: true})
			if err != nil {
				t.Fatal(err)
			}
			if m.Name != path || m.Len() != 1 || m.Rows != 3 || m.Cols != 2 || m.pixels[1] != 4 {
				t.Errorf("%s: %+v", from, m)
			}
		}
	}
	labels := t.TempDir()
	if err := os.WriteFile(filepath.Join(labels, "train-labels-idx1-ubyte"), []byte(idx([]byte{1}, 1)),
		0o644); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		labels: "FILE: it has labels and no images: copy or download those, too",
		write(t, "none", []byte(idx(nil, 0, 2, 3))): "FILE: 0 images of 2×3: there is nothing in them",
	} {
		_, err := ReadIDXImages(path, Format{})
		wantError(t, path, path, err, want)
	}
	if _, err := ReadIDXImages(filepath.Join(dir, "no"), Format{}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
