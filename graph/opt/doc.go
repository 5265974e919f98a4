// Package opt rewrites programs into faster ones that compute the same numbers. One pass, one file.
//
// A pass is a function from a Func to a Func with the same parameters and as many results; it makes new values and never
// changes old ones, and returns the very function that it was given if it has nothing to do. Run applies all of them:
//
//	program -> [tidy, until nothing changes] -> one structural pass -> [tidy] -> the next structural pass -> ...
//
// The tidying passes (fold zero contract factor cse args dead) are local. The structural ones (merge split regroup reuse take
// weightgrad hoist sink join rotate) move work out of and between loops, and make of a recurrence as it was written, and of its
// derivative as it was derived, what an expert writes by hand; the last three (narrow align fuse) prepare and make the kernels.
// Passes lists them in order. Each is correct without the others, so that any can be left out to see what it does.
//
// Where it is a matter of cost whether something moves, costs are counted in elements written and read (cut.go).
//
// The package knows nothing of Gorgonia, of memory (package plan) or of devices.
package opt
