// Package trainer trains, measures and uses models: the language model, the classifier and the
// sequence-to-sequence model of package models, each with programs for the shapes of its batches that have
// weights and training state in common. Package optim has the training step itself. The package knows nothing
// of files, and of the terminal.
package trainer
