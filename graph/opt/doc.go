// Package opt rewrites programs into faster ones that compute the same numbers. One pass, one file.
//
// A pass is a function from a Func to a Func with the same parameters and as many results; it makes new values and never
// changes old ones, and returns the very function that it was given if it has nothing to do. Run applies all of them:
//
//	program -> [tidy: fold zero cse args dead, until nothing changes] -> one structural pass -> [tidy] -> the next ...
//
// The tidying passes are local. The structural ones move work out of and between loops, and make of a recurrence as it was
// written, and of its derivative as it was derived, what an expert writes by hand. Passes lists them in order.
//
// The package knows nothing of Gorgonia, of memory (package plan) or of devices.
package opt
