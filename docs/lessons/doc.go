// Package lessons is the code of the lessons in this folder, as examples and tests.
//
// What a lesson shows is what runs. A block of code in a lesson is a region of a test file, between
// //lesson:NAME and //lesson:end; a block of output is the checked output of an Example; a decimal number in
// the text stands in one of the blocks; a picture is drawn by a test from numbers that another test computes.
// After a change
//
//	go test ./docs/lessons -update
//
// writes blocks, numbers and pictures anew. The outputs of Examples are changed by hand: they are what the lessons say.
package lessons
