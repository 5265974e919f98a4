package run

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/pkg/errors"

	"github.com/unroll-ml/unroll/datasets"
	"github.com/unroll-ml/unroll/internal/safefile"
	"github.com/unroll-ml/unroll/internal/words"
)

// A text that is on the disk is encoded while it is read. Where that would be done again and again, its tokens are kept
// in a file in the folder of the run, from which they are read by all epochs and by the same run when it is continued.
// Nothing depends on these files: without one, or with a wrong one, the text is encoded, to the same tokens.

// The names of files with tokens.
const (
	trainTokens = "train.tokens"
	validTokens = "valid.tokens"
)

// encoder is a task that may read texts from the disk, and then encodes them whenever it reads them.
type encoder interface {
	// rereads are the texts that are read more than once within a budget, by the names of the files of their tokens.
	rereads(budget) map[string]*datasets.Encoded
}

func (t *LMTask) rereads(b budget) map[string]*datasets.Encoded {
	c, epoch := &t.config.Training, t.Epoch()
	every := c.ValidEvery
	if every == 0 {
		every = epoch * max(c.ValidEpochs, 1)
	}
	texts := map[string]*datasets.Encoded{}
	add := func(name string, tokens datasets.Sequence, again bool) {
		if x, ok := tokens.(*datasets.Encoded); ok && again {
			texts[name] = x
		}
	}
	forever := b.steps == 0
	// Windows in random order read a block of the text for each of them.
	add(trainTokens, t.data.train, forever || b.steps > epoch || c.Stride > 0)
	add(validTokens, t.data.valid, forever || b.steps > every)
	return texts
}

// keepTokens makes the task read tokens from files of the folder, and writes those that are not there.
func (r *training) keepTokens(ctx context.Context) {
	t, ok := r.task.(encoder)
	if !ok || r.follows() {
		return
	}
	r.enters("the encoding of the text", false)
	for name, x := range t.rereads(r.budget) {
		err := r.folder.keepTokens(ctx, name, x)
		if err != nil && ctx.Err() == nil {
			r.Report.Notice(fmt.Sprintf("the text is encoded whenever it is read, for its tokens cannot be kept: %v", err))
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
func (f *Folder) keepTokens(ctx context.Context, name string, x *datasets.Encoded) error {
	err := useTokens(f.root, name, x)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, datasets.ErrOtherTokens) {
		return err
	}
	// A checkpoint is worth more than tokens: they never take the last half of the room.
	if free := f.checkpoints().Free(); free >= 0 && x.Size() > free/2 {
		return errors.Errorf("%s: %s are needed, and %s are free, half of which is left to checkpoints", f.path(name),
			words.Bytes(x.Size()), words.Bytes(free))
	}
	if err := f.checkpoints().Write(name, func(to io.Writer) error { return x.Write(ctx, to) }); err != nil {
		return err
	}
	return useTokens(f.root, name, x)
}

// useTokens makes x read its tokens from a file in a folder.
func useTokens(in *os.Root, name string, x *datasets.Encoded) error {
	file, err := safefile.OpenIn(in, name)
	if err != nil {
		return err
	}
	if !datasets.IsTokens(file) {
		err = errors.WithStack(&safefile.Error{Path: safefile.Path(in, name), What: "it holds no tokens", Writing: true})
	} else {
		err = x.Use(file)
	}
	if err != nil {
		file.Close()
	}
	return err
}

// tokenFiles are the names of the files with tokens in the folder.
func (f *Folder) tokenFiles() (names []string) {
	for _, name := range []string{trainTokens, validTokens} {
		file, err := safefile.OpenIn(f.root, name)
		if err != nil {
			continue
		}
		if datasets.IsTokens(file) {
			names = append(names, name)
		}
		file.Close()
	}
	return names
}
