// Package opt rewrites programs into faster ones that compute the same numbers. One pass, one file.
//
// A pass is a function from a Func to a Func with the same parameters and as many results; it makes new values
// and never changes old ones, and returns the very function that it was given if it has nothing to do. Run
// applies all of them:
//
//	program -> [tidy, until nothing changes] -> one structural pass -> [tidy] -> the next structural pass -> ...
//
// The tidying passes (fold zero contract factor cse args dead) are local. The structural ones (merge split
// regroup reuse take weightgrad hoist sink join rotate) move work out of and between loops, and make of a
// recurrence as it was written, and of its derivative as it was derived, what an expert writes by hand; the
// next three (narrow align fuse) prepare and make the kernels, and the last (need) says what of products need not be
// computed. Passes lists them in order. Each is correct without the others, so that any can be left out to see what
// it does.
//
// What the passes are called in textbooks, and why they are here:
//
//	fold        constant folding, algebraic simplification: derivatives are full of x*1, x+0 and views of views
//	zero        annihilation, 0*x = 0, which NaN forbids in general: gradients of what does not reach the loss
//	contract    recognition of contractions: a product written as a sum of products would store all of these
//	factor      the distributive law: rows that are broadcast are multiplied once, as in attention over [h; enc]
//	cse         common subexpression elimination by value numbering, of loops too: equal ones become one
//	args        loop-invariant arguments: what never changes is a constant, what is equal is one argument
//	dead        dead loop argument elimination: nobody pays for the derivative of an unused result
//	merge       horizontal loop fusion: a scan and the loop that computes it again for the derivative; two directions
//	split       block matrices: [x h]·W hides that x·W_x does not depend on the state, so that it cannot move
//	regroup     reassociation: constants come together, so that they are added once
//	reuse       forward recomputation removal, the opposite of rematerialisation: the way back reads what was saved
//	take        slices pushed through products: only the columns that somebody takes are multiplied
//	weightgrad  loop fission of reductions: a weight's gradient is one product over T·B, not a sum of T products
//	hoist       loop-invariant code motion; of what depends on inputs alone, batching: x·W of all steps at once
//	sink        code sinking, and batching: logits of all steps as one product behind the loop
//	join        horizontal fusion of products: h·U and h·V read h once, and are one start in a step
//	rotate      loop rotation: the sum after a product joins the elementwise work of the next step
//	narrow      slices pushed through elementwise functions: the gates of a cell get one shape, which fuse needs
//	align       reshapes pushed through elementwise functions, for the same reason
//	fuse        vertical fusion of elementwise functions: one pass over memory, and one kernel, for a whole cell
//	need        demand analysis, and predication: rows of a product that a select drops are not computed
//
// After them, Recompute takes long sums in chunks, and may cut loops into segments, to need less memory: strip mining,
// and rematerialisation. The way back computes a segment again from the state at its start.
//
// Where it is a matter of cost whether something moves, costs are counted in elements written and read (cut.go).
//
// The package knows nothing of Gorgonia, of memory (package plan) or of devices.
package opt
