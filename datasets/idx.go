package datasets

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/safefile"
)

// Images are images with a class each, as sequences: a row is a step.
type Images struct {
	Name       string
	SHA256     string // of the hashes of the pixels and of the labels
	Rows, Cols int    // T, I
	pixels     []byte // example, row, column
	classes    []byte
}

// ReadIDXFolder reads a folder as MNIST has it (LeCun, Cortes and Burges): train-images-idx3-ubyte, train-labels-idx1-ubyte,
// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each plain or with .gz. Without the third test is nil.
func ReadIDXFolder(dir string) (train, test *Images, err error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, nil, errors.WithStack(err)
	}
	if train, err = readIDXPart(dir, "train"); err != nil {
		return nil, nil, err
	}
	if _, err := findIDX(dir, "t10k-images", "idx3-ubyte"); err != nil {
		return train, nil, nil
	}
	test, err = readIDXPart(dir, "t10k")
	if err == nil && (train.Rows != test.Rows || train.Cols != test.Cols) {
		err = &Error{File: dir, What: fmt.Sprintf("images of %d×%d to train on and of %d×%d to measure on: they must be alike", train.Rows, train.Cols, test.Rows, test.Cols)}
	}
	if err != nil {
		return nil, nil, err
	}
	return train, test, nil
}

func readIDXPart(dir, part string) (*Images, error) {
	images, err := findIDX(dir, part+"-images", "idx3-ubyte")
	if err != nil {
		return nil, err
	}
	labels, err := findIDX(dir, part+"-labels", "idx1-ubyte")
	if err != nil {
		return nil, err
	}
	return ReadIDX(images, labels)
}

// findIDX is the path of a file; some copies have a dot in the name.
func findIDX(dir, name, kind string) (string, error) {
	for _, sep := range []string{"-", "."} {
		for _, suffix := range []string{"", ".gz"} {
			path := filepath.Join(dir, name+sep+kind+suffix)
			if _, err := os.Stat(path); err == nil {
				return path, nil
			}
		}
	}
	path := filepath.Join(dir, name+"-"+kind)
	return "", &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// ReadIDX reads images, an idx file of bytes of three dimensions, and their labels, one of one dimension, plain or compressed by
// gzip.
func ReadIDX(imagesPath, labelsPath string) (*Images, error) {
	dims, pixels, err := readIDX(imagesPath, 3)
	if err != nil {
		return nil, err
	}
	count, classes, err := readIDX(labelsPath, 1)
	if err != nil {
		return nil, err
	}
	if dims[0] != count[0] {
		return nil, &Error{File: imagesPath, What: fmt.Sprintf("%d images, and %s has %d labels: they must correspond", dims[0], labelsPath, count[0])}
	}
	if len(pixels) == 0 {
		return nil, &Error{File: imagesPath, What: fmt.Sprintf("%d images of %d×%d: there is nothing to learn", dims[0], dims[1], dims[2])}
	}
	return &Images{
		Name: imagesPath, SHA256: sha256Hex([]byte(sha256Hex(pixels) + sha256Hex(classes))),
		Rows: dims[1], Cols: dims[2], pixels: pixels, classes: classes,
	}, nil
}

// readIDX reads an idx file of unsigned bytes:
//
//	0 0 8 D | D sizes, big-endian uint32 | bytes
func readIDX(path string, wantDims int) (dims []int, data []byte, err error) {
	f, err := safefile.Open(path)
	if err != nil {
		return nil, nil, errors.WithStack(err)
	}
	defer f.Close()
	raw, err := readPlain(f, path)
	if err != nil {
		return nil, nil, err
	}
	dims, data, wrong := parseIDX(raw, wantDims)
	if wrong != "" {
		return nil, nil, &Error{File: path, What: wrong}
	}
	return dims, data, nil
}

func parseIDX(raw []byte, wantDims int) (dims []int, data []byte, wrong string) {
	const unsignedBytes = 8
	head := 4 + 4*wantDims
	switch {
	case len(raw) < 4 || raw[0] != 0 || raw[1] != 0:
		return nil, nil, "not an idx file, those begin with two zero bytes: choose another file"
	case raw[2] != unsignedBytes:
		return nil, nil, fmt.Sprintf("an idx file of type %#02x, want %#02x, bytes: convert it", raw[2], unsignedBytes)
	case int(raw[3]) != wantDims:
		return nil, nil, fmt.Sprintf("an idx file of %d dimensions, want %d: choose another file", raw[3], wantDims)
	case len(raw) < head:
		return nil, nil, fmt.Sprintf("truncated: %d bytes of a header of %d: copy or download it again", len(raw), head)
	}
	want := int64(1)
	for d := range wantDims {
		n := binary.BigEndian.Uint32(raw[4+4*d:])
		dims = append(dims, int(n))
		if want *= int64(n); want > MaxTextBytes { // both factors are below 2³²
			return nil, nil, fmt.Sprintf("more than %d bytes, the most that is read at once, or a damaged header: use a part of it, or download it again", MaxTextBytes)
		}
	}
	data = raw[head:]
	switch have := int64(len(data)); {
	case have < want:
		return nil, nil, fmt.Sprintf("truncated: %d bytes of the %d that its header announces: copy or download it again", have, want)
	case have > want:
		return nil, nil, fmt.Sprintf("%d bytes after the %d that its header announces: copy or download it again", have-want, want)
	}
	return dims, data, ""
}

// Len is the number of images.
func (m *Images) Len() int { return len(m.classes) }

// Labels are the classes that occur, in the order of their numbers.
func (m *Images) Labels() *Labels {
	var seen [256]bool
	for _, c := range m.classes {
		seen[c] = true
	}
	var names []string
	for c, ok := range seen {
		if ok {
			names = append(names, strconv.Itoa(c))
		}
	}
	return labelsOf(names)
}

// Classes are the numbers of the images' labels. A label that l lacks is an *Error.
func (m *Images) Classes(l *Labels) ([]int32, error) {
	classes := make([]int32, len(m.classes))
	for i, c := range m.classes {
		class, ok := l.Class(strconv.Itoa(int(c)))
		if !ok {
			return nil, &Error{File: m.Name, What: fmt.Sprintf("the label %d of image %d is not among the %d labels of the training data: correct it, or train with it", c, i, l.Len())}
		}
		classes[i] = class
	}
	return classes, nil
}

// Fill writes some of the images as a batch, T×B×I: element (t*B+b)*I+i is column i of row t of the b-th image, 0 for black and
// 1 for white, byte/255. A number below 0 gives an image of zeros.
func (m *Images) Fill(images []int32, x []float32) {
	batch := len(images)
	for b, image := range images {
		for t := range m.Rows {
			to := x[(t*batch+b)*m.Cols:][:m.Cols]
			if image < 0 {
				clear(to)
				continue
			}
			from := m.pixels[(int(image)*m.Rows+t)*m.Cols:][:m.Cols]
			for i, p := range from {
				to[i] = float32(p) / 255
			}
		}
	}
}
