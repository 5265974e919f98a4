package datasets

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/internal/words"
)

// Images are images with a class each, as sequences: a row is a step.
type Images struct {
	Name       string
	SHA256     string // of the hashes of the pixels and of the labels
	Rows, Cols int    // T, I
	pixels     []byte // example, row, column
	classes    []byte // nil: unknown
}

// ReadIDXFolder reads a folder of images as those of MNIST and EMNIST are, or DIR/PREFIX of a folder that has
// several sets. The files are
//
//	[PREFIX-]train-images-idx3-ubyte   [PREFIX-]train-labels-idx1-ubyte
//	[PREFIX-]test-images-idx3-ubyte    [PREFIX-]test-labels-idx1-ubyte     or with t10k for test
//
// each plain or with .gz, and some copies have a dot for the last but one hyphen. What is missing is nil;
// nothing at all is an *Error.
func ReadIDXFolder(dir string, f Format) (train, test *Images, err error) {
	sets, dir, prefix, err := listIDX(dir)
	if err != nil {
		return nil, nil, err
	}
	files := sets[prefix]
	parts := [2]*Images{}
	for i, part := range [2]string{"train", "test"} {
		images, labels := files[part+"-images"], files[part+"-labels"]
		switch {
		case images == "" && labels == "":
			continue
		case images == "" || labels == "":
			return nil, nil, &Error{File: dir, What: fmt.Sprintf(
				"it has %s%s, and the file that belongs to it is missing: copy or download it, too", images, labels,
			)}
		}
		if parts[i], err = ReadIDX(filepath.Join(dir, images), filepath.Join(dir, labels)); err != nil {
			return nil, nil, err
		}
		if f.Transpose {
			parts[i].transpose()
		}
	}
	train, test = parts[0], parts[1]
	if train != nil && test != nil && (train.Rows != test.Rows || train.Cols != test.Cols) {
		return nil, nil, &Error{File: dir, What: fmt.Sprintf("images of %d×%d to train on and of %d×%d to measure on: "+
			"they must be alike", train.Rows, train.Cols, test.Rows, test.Cols)}
	}
	return train, test, nil
}

// idxName is the name of an idx file: a prefix, which part it is of, and what it holds.
var idxName = regexp.MustCompile(`^(?:(.*)[-_.])?(train|test|t10k)-(images|labels)[-.]idx[13]-ubyte(?:\.gz)?$`)

// listIDX finds the files of a folder by their prefixes and by part and contents, as in train-images. A path
// that is no folder is that of a prefix in one.
func listIDX(path string) (sets map[string]map[string]string, dir, prefix string, err error) {
	dir = path
	entries, err := os.ReadDir(dir)
	named := false
	if errors.Is(err, fs.ErrNotExist) {
		if above, aboveErr := os.ReadDir(filepath.Dir(path)); aboveErr == nil {
			entries, named = above, true
			dir, prefix = filepath.Dir(path), filepath.Base(path)
		}
	}
	if err != nil && !named {
		return nil, "", "", errors.WithStack(err)
	}
	sets = map[string]map[string]string{}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		m := idxName.FindStringSubmatch(e.Name())
		if m == nil {
			continue
		}
		if sets[m[1]] == nil {
			sets[m[1]] = map[string]string{}
		}
		key := strings.Replace(m[2], "t10k", "test", 1) + "-" + m[3]
		if other := sets[m[1]][key]; other == "" || strings.HasSuffix(other, ".gz") { // plain before compressed
			sets[m[1]][key] = e.Name()
		}
	}
	prefixes := slices.Sorted(maps.Keys(sets))
	switch {
	case named && sets[prefix] == nil:
		return nil, "", "", errors.WithStack(err)
	case named:
		return sets, dir, prefix, nil
	case len(sets) == 0 && len(names) == 0:
		return nil, "", "", &Error{File: dir, What: "the folder is empty: it should hold train-images-idx3-ubyte and " +
			"train-labels-idx1-ubyte, as that of MNIST does"}
	case len(sets) == 0:
		return nil, "", "", &Error{File: dir, What: fmt.Sprintf("no images, the folder has %s: it should hold "+
			"train-images-idx3-ubyte and train-labels-idx1-ubyte, as that of MNIST does", listed(names))}
	case len(sets) > 1:
		return nil, "", "", &Error{File: dir, What: fmt.Sprintf("it has several sets of images (%s): name one, as in %s",
			listed(prefixes), filepath.Join(dir, prefixes[len(prefixes)-1]))}
	}
	return sets, dir, prefixes[0], nil
}

// ReadIDX reads images, an idx file of bytes of three dimensions, and their labels, one of one dimension, plain
// or compressed by gzip.
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
		return nil, &Error{File: imagesPath, What: fmt.Sprintf("%s, and %s has %s: they must correspond",
			words.Count(dims[0], "image", "images"), labelsPath, words.Count(count[0], "label", "labels"))}
	}
	if len(pixels) == 0 {
		return nil, &Error{File: imagesPath, What: fmt.Sprintf("%d images of %d×%d: there is nothing to learn", dims[0],
			dims[1], dims[2])}
	}
	return &Images{
		Name: imagesPath, SHA256: sha256Hex([]byte(sha256Hex(pixels) + sha256Hex(classes))),
		Rows: dims[1], Cols: dims[2], pixels: pixels, classes: classes,
	}, nil
}

// ReadIDXImages reads images whose labels need not be known: an idx file or, of a folder as ReadIDXFolder has
// them, the images to measure on or else those to train on.
func ReadIDXImages(path string, f Format) (*Images, error) {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		sets, dir, prefix, err := listIDX(path)
		if err != nil {
			return nil, err
		}
		name := cmp.Or(sets[prefix]["test-images"], sets[prefix]["train-images"])
		if name == "" {
			return nil, &Error{File: dir, What: "it has labels and no images: copy or download those, too"}
		}
		path = filepath.Join(dir, name)
	}
	dims, pixels, err := readIDX(path, 3)
	if err != nil {
		return nil, err
	}
	if len(pixels) == 0 {
		return nil, &Error{File: path, What: fmt.Sprintf("%d images of %d×%d: there is nothing in them", dims[0],
			dims[1], dims[2])}
	}
	m := &Images{Name: path, SHA256: sha256Hex(pixels), Rows: dims[1], Cols: dims[2], pixels: pixels}
	if f.Transpose {
		m.transpose()
	}
	return m, nil
}

// readIDX reads an idx file of unsigned bytes:
//
//	0 0 8 D | D sizes, big-endian uint32 | bytes
func readIDX(path string, wantDims int) (dims []int, data []byte, err error) {
	raw, err := ReadFile(path)
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
		return nil, nil, fmt.Sprintf("an idx file of %s, want %d: choose another file",
			words.Count(int(raw[3]), "dimension", "dimensions"), wantDims)
	case len(raw) < head:
		return nil, nil, fmt.Sprintf("truncated: %d bytes of a header of %d: copy or download it again", len(raw), head)
	}
	want := int64(1)
	for d := range wantDims {
		n := binary.BigEndian.Uint32(raw[4+4*d:])
		dims = append(dims, int(n))
		if want *= int64(n); want > MaxTextBytes { // both factors are below 2³²
			return nil, nil, fmt.Sprintf("more than %d bytes, the most that is read at once, or a damaged header: use a part "+
				"of it, or download it again", MaxTextBytes)
		}
	}
	data = raw[head:]
	switch have := int64(len(data)); {
	case have < want:
		return nil, nil, fmt.Sprintf("truncated: %d bytes of the %d that its header announces: copy or download it again",
			have, want)
	case have > want:
		return nil, nil, fmt.Sprintf("%d bytes after the %d that its header announces: copy or download it again",
			have-want, want)
	}
	return dims, data, ""
}

// transpose makes columns of the rows of all images, and rows of the columns.
func (m *Images) transpose() {
	turned := make([]byte, len(m.pixels))
	size := m.Rows * m.Cols
	for image := range m.Len() {
		from, to := m.pixels[image*size:][:size], turned[image*size:][:size]
		for row := range m.Rows {
			for col := range m.Cols {
				to[col*m.Rows+row] = from[row*m.Cols+col]
			}
		}
	}
	m.pixels, m.Rows, m.Cols = turned, m.Cols, m.Rows
}

// Len is the number of images.
func (m *Images) Len() int { return len(m.pixels) / (m.Rows * m.Cols) }

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

// Classes are the numbers of the images' labels, NoClass for a label that l lacks; unknown says which those
// are. If l lacks all, it is an *Error.
func (m *Images) Classes(l *Labels) (classes []int32, unknown *UnknownLabels, err error) {
	return l.classes(m.Name, m.Len(), m.Label)
}

// Label is the label of an image.
func (m *Images) Label(i int) string { return strconv.Itoa(int(m.classes[i])) }

// Fill writes some of the images as a batch, T×B×I: element (t*B+b)*I+i is column i of row t of the b-th image,
// 0 for black and 1 for white, byte/255. A number below 0 gives an image of zeros.
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
