// Package decode chooses tokens on the host, from what a model predicts: beam search and sampling. It knows a
// model as a Stepper, and NewStepper makes one of a models.Seq2Seq whose two programs are compiled.
package decode
