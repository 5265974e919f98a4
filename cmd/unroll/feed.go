package main

import "github.com/unroll-ml/unroll/datasets/batches"

// A feed is the batches of a training, from the step on at which it is first asked for one. The zero value is ready.
type feed[B any] struct{ from *batches.Feed[B] }

// next is the batch of the step after so many; later calls give the ones that follow.
func (f *feed[B]) next(p *batches.Plan, seed uint64, before int, fill func(batches.Group) (B, error)) (b B, err error) {
	if f.from == nil {
		at := batches.Position{Epoch: before / p.Len(), Batch: before % p.Len()}
		if f.from, err = batches.NewFeed(p, seed, at, fill); err != nil {
			return b, err
		}
	}
	b, _, err = f.from.Next()
	return b, err
}

func (f *feed[B]) close() {
	if f.from != nil {
		f.from.Close()
	}
}
