// Package run trains models in folders, and opens what was trained: it has all that stands between data and a
// model that is used.
//
// A Task is a model with the data that it learns from: NewLM, NewClassifier and NewSeq2Seq make one of data in
// memory, Load one of files. Train trains it in a folder that survives crashes, with validation, the best
// checkpoint, early stopping, a log, and resume to the bit. Open reads the folder again, and gives a
// LanguageModel, a Classifier or a Translator that knows its vocabulary. The command unroll is a user of this
// package; a run that it trained is opened by any program, and the other way round.
//
// config.yaml, a Config, says all that is needed to repeat a run; parts that a file can only name, such as a
// device, are Options. The package knows nothing of flags, exit codes and terminals.
package run
