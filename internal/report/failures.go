package report

import (
	"fmt"
	"path/filepath"

	"github.com/unroll-ml/unroll/internal/words"
	"github.com/unroll-ml/unroll/trainer/device"
	"github.com/unroll-ml/unroll/trainer/run"
)

// Diverged says where a training diverged, what is left of it and what to try.
func Diverged(e *run.DivergedError, c *run.Config) string {
	kept, clip := "nothing was saved yet", ""
	if e.Saved {
		kept = "no checkpoint is good"
	}
	if e.BestStep > 0 {
		kept = fmt.Sprintf("%s is of step %s", filepath.Join(e.Dir, run.Best), words.Thousands(e.BestStep))
	}
	if c.Training.Clip == 0 {
		clip = " and --clip 1"
	}
	return fmt.Sprintf("diverged at step %s: %s; %s: try a smaller --lr (it is %g)%s", words.Thousands(e.Step), e.Why, kept,
		c.Training.LR, clip)
}

// Left says what is left of a run that ended in the middle; the command that goes on follows.
func Left(f *run.Folder) string {
	names, err := f.Checkpoints()
	if err != nil || len(names) == 0 {
		return "nothing was saved yet: begin again with"
	}
	return fmt.Sprintf("the last checkpoint, %s, is whole: continue with", filepath.Join(f.Dir(), names[0]))
}

// TooLarge says that a model and its batches do not fit into the GPU, and what would.
func TooLarge(full *device.MemoryError, c *run.Config) string {
	reason := FullGPU(full)
	if batch := c.BatchFor(full.Asked, full.Free); batch > 0 {
		return fmt.Sprintf("%s: try --batch %d (it is %d)", reason, batch, c.Training.Batch)
	}
	return fmt.Sprintf("%s: the model itself is too large for it; try a smaller --hidden, or --device cpu", reason)
}

// FullGPU says how much memory was asked for and how much is free.
func FullGPU(full *device.MemoryError) string {
	if full.Asked == 0 {
		return fmt.Sprintf("the GPU's memory is full: %s bytes free", words.Thousands(int(full.Free)))
	}
	return fmt.Sprintf("the GPU's memory is full: %s bytes asked for, %s free", words.Thousands(int(full.Asked)),
		words.Thousands(int(full.Free)))
}
