package run

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/words"
)

// Texts and pairs that are on the disk are encoded while they are read: once, into a scratch file, if it is known early
// enough in which folder (see In). Where they would be encoded again and again, their tokens are kept in a file in the
// folder of the run, from which they are read by all epochs and by the same run when it is continued. Nothing depends
// on these files: without one, or with a wrong one, data are encoded, to the same tokens.

// The names of files with tokens.
const (
	trainTokens = "train.tokens"
	validTokens = "valid.tokens"
)

// tokenFiles are the files of a folder for tokens that are kept by a name there. It implements datasets.TokenFiles.
type tokenFiles struct {
	*Folder
	name string
}

// Kept implements datasets.TokenFiles.
func (f tokenFiles) Kept() (*os.File, error) { return openTokens(f.root, f.name) }

// Scratch implements datasets.TokenFiles.
func (f tokenFiles) Scratch() (_ *os.File, room int64, err error) {
	file, err := f.checkpoints().Scratch(f.name)
	return file, f.roomForTokens(), err
}

// roomForTokens is how many bytes there are for tokens. A checkpoint is worth more: they never take the last half.
func (f *Folder) roomForTokens() int64 {
	if free := f.checkpoints().Free(); free >= 0 {
		return free / 2
	}
	return math.MaxInt64
}

// tokenFiles are those for data that the task of a configuration keeps by a name; nil: there are none.
func (c *Config) tokenFiles(name string) datasets.TokenFiles {
	if c.with.folder == nil {
		return nil
	}
	return tokenFiles{c.with.folder, name}
}

// encoder is a task that may read texts or pairs from the disk, and then encodes them whenever it reads them.
type encoder interface {
	// rereads are those that are read more than once within a budget, by the names of the files of their tokens.
	rereads(budget) map[string]encoded
}

// encoded is what is on the disk, and encoded when it is read, or read from a file of its tokens.
type encoded interface {
	Size() int64
	Write(ctx context.Context, to io.Writer) error
	Use(f *os.File) error
}

var (
	_ encoded = (*datasets.Encoded)(nil)
	_ encoded = (*datasets.EncodedPairs)(nil)
)

func (t *LMTask) rereads(b budget) map[string]encoded {
	train, valid := b.rereads(&t.config.Training, t.Epoch())
	texts := map[string]encoded{}
	add := func(name string, tokens datasets.Sequence, again bool) {
		if x, ok := tokens.(*datasets.Encoded); ok && again {
			texts[name] = x
		}
	}
	// Windows in random order read a block of the text for each of them.
	add(trainTokens, t.data.train, train || t.config.Training.Stride > 0)
	add(validTokens, t.data.valid, valid)
	return texts
}

func (t *Seq2SeqTask) rereads(b budget) map[string]encoded {
	train, valid := b.rereads(&t.config.Training, t.Epoch())
	learn, held := t.data.encoded.EncodedPairs, t.valid.encoded.EncodedPairs
	pairs := map[string]encoded{}
	if !t.data.pairs.InMemory() && (train || held == learn && valid) {
		pairs[trainTokens] = learn
	}
	if !t.valid.pairs.InMemory() && held != learn && valid {
		pairs[validTokens] = held
	}
	return pairs
}

// rereads says whether training with epochs of so many steps reads its data more than once within the budget, and those
// to validate on.
func (b budget) rereads(c *Training, epoch int) (train, valid bool) {
	every := c.ValidEvery
	if every == 0 {
		every = epoch * max(c.ValidEpochs, 1)
	}
	forever := b.steps == 0
	return forever || b.steps > epoch, forever || b.steps > every
}

// keepTokens makes the task read tokens from files of the folder, and writes those that are not there.
func (r *training) keepTokens(ctx context.Context) {
	t, ok := r.task.(encoder)
	if !ok || r.follows() {
		return
	}
	r.enters("the encoding of the data", false)
	for name, x := range t.rereads(r.budget) {
		err := r.folder.keepTokens(ctx, name, x)
		if err != nil && ctx.Err() == nil {
			r.Report.Notice(fmt.Sprintf("the tokens of what is on the disk cannot be kept, so that it is encoded again: %v", err))
			return // it would be the same with the other
		}
	}
}

// shareTokens makes the task read tokens from files in the folder of rank 0, if this process sees them.
func (r *training) shareTokens(dir string) {
	t, ok := r.task.(encoder)
	if !ok || dir == "" {
		return
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer root.Close()
	for name, x := range t.rereads(r.budget) {
		useTokens(root, name, x) // if not, it encodes
	}
}

// keepTokens makes x read its tokens from a file, which is written if it is not there or holds other tokens.
func (f *Folder) keepTokens(ctx context.Context, name string, x encoded) error {
	err := useTokens(f.root, name, x)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, datasets.ErrOtherTokens) {
		return err
	}
	if need, room := x.Size(), f.roomForTokens(); need > room {
		return errors.Errorf("%s: %s are needed, and there is room for %s, with as much left to checkpoints", f.path(name),
			words.Bytes(need), words.Bytes(room))
	}
	if err := f.checkpoints().Write(name, func(to io.Writer) error { return x.Write(ctx, to) }); err != nil {
		return err
	}
	return useTokens(f.root, name, x)
}

// useTokens makes x read its tokens from a file in a folder.
func useTokens(in *os.Root, name string, x encoded) error {
	file, err := openTokens(in, name)
	if err != nil {
		return err
	}
	if err = x.Use(file); err != nil {
		file.Close()
	}
	return err
}

// openTokens opens a file of tokens in a folder.
func openTokens(in *os.Root, name string) (*os.File, error) {
	file, err := safefile.OpenIn(in, name)
	if err == nil && !datasets.IsTokens(file) {
		file.Close()
		err = &safefile.Error{Path: safefile.Path(in, name), What: "it holds no tokens", Writing: true}
		return nil, errors.WithStack(err)
	}
	return file, err
}

// keptTokens are the names of the files with tokens in the folder.
func (f *Folder) keptTokens() (names []string) {
	for _, name := range []string{trainTokens, validTokens} {
		if file, err := openTokens(f.root, name); err == nil {
			names = append(names, name)
			file.Close()
		}
	}
	return names
}
