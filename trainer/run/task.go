package run

import "context"

// Task is a model with the data that it learns from.
type Task interface {
	Learner

	// Config is what config.yaml will say: start from Defaults, of TaskOwn for a task of your own. Nobody else
	// may change it.
	Config() *Config

	// Epoch is the number of steps of a pass over the data.
	Epoch() int

	// Step takes the next training step after so many, and says how many tokens it has read.
	Step(before int, rate float64) (loss, norm float64, tokens int, err error)

	// Validate measures the model on the validation data; the context's error if that is done meanwhile. Of processes
	// that train one of the tasks of this package together all call it, with a context in which they share the work: see
	// parallel.Share. Language models and tasks of a program's own are measured by rank 0.
	Validate(ctx context.Context) (Metrics, error)
}

// filed is a Task whose run has files of its own, by name; Verify says whether those in the folder of a run
// that is to be continued are the same and whole.
type filed interface {
	Files() map[string][]byte
	Verify(dir string) error
}

// described is a Task that can say in a few lines what is trained on what.
type described interface {
	Describe(weights int) []string
}

// Options say how to train, but for what decides which steps are taken: that is the task's configuration.
type Options struct {
	Report      Reporter // nil: nobody is told. Of processes that train together each has its own.
	Keep        int      // the newest checkpoints that are kept; 0: 2
	LogEvery    int      // steps, after which a step is to be shown; 0: 10. The log has every step.
	TensorBoard bool     // write the files that TensorBoard reads, too
	Overwrite   bool     // replace the run that is in the folder

	// Encode is the text of config.yaml; nil: Config.Encode. It may have comments, and says the same.
	Encode func(*Config) []byte
}

// The defaults of Options.
const (
	DefaultKeep     = 2
	DefaultLogEvery = 10
)

// End is how a training ended.
type End struct {
	Step     int
	BestStep int     // that of the best checkpoint
	BestLoss float64 // its validation loss
	Seconds  float64 // of training, over all times that it was continued
	Why      string  // it ended before its time: there was no better validation for too long; else ""
}
